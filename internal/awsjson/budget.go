package awsjson

import (
	"context"
	"net/netip"
	"sync"
)

const (
	// smallBody is how many bytes of a body need no room in the budget: what
	// connections hold of it is bounded by their number.
	smallBody = 16 << 10
	// valueBytes is about how much memory decoding takes for one value of JSON.
	valueBytes = 160
)

// A budget counts the memory that requests hold: their bodies, what decoding makes
// of them, and their answers until they are written. Connections on which nothing
// was verified have half of it together and a quarter for each address, so that
// strangers leave room for those who sign.
type budget struct {
	total   int64
	largest int64 // a body that any connection may send

	mu     sync.Mutex
	used   int64                // guarded by mu
	byAddr map[netip.Addr]int64 // of used, what strangers hold; guarded by mu
	unsure int64                // the sum of byAddr; guarded by mu
}

func newBudget(total, largest int64) budget {
	return budget{total: total, largest: largest, byAddr: map[netip.Addr]int64{}}
}

// A claim is what one request holds of a budget. Its methods are called by the
// goroutine of the request alone.
type claim struct {
	budget *budget
	conn   *conn
	n      int64 // bytes
	held   int64 // of n, those of an answer
	unsure int64 // of n, those that count among the strangers'
}

// take claims n bytes more; false says that they are not free. known says that the
// client was verified.
func (c *claim) take(n int64, known bool) bool {
	b := c.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.total {
		return false
	}
	if !known {
		addr := c.conn.address()
		if b.unsure+n > max(b.total/2, b.largest) || b.byAddr[addr]+n > max(b.total/4, b.largest) {
			return false
		}
		b.byAddr[addr] += n
		b.unsure += n
		c.unsure += n
	}
	b.used += n
	c.n += n
	return true
}

// hold claims an answer of n bytes, which is made already, whether or not they are
// free.
func (c *claim) hold(n int) {
	more := int64(n) - c.held
	if n <= smallBody || more <= 0 {
		return
	}
	c.budget.mu.Lock()
	defer c.budget.mu.Unlock()
	c.budget.used += more
	c.n += more
}

// verified says that the client of a request was verified: its connection may use the
// whole budget from now on, and what was claimed leaves the strangers' part.
func (c *claim) verified() {
	if c.conn != nil {
		c.conn.known.Store(true)
	}
	if c.unsure == 0 {
		return
	}
	c.budget.mu.Lock()
	defer c.budget.mu.Unlock()
	c.settle()
}

// settle gives back the strangers' part. The caller holds the budget's mu.
func (c *claim) settle() {
	b, addr := c.budget, c.conn.address()
	b.unsure -= c.unsure
	if b.byAddr[addr] -= c.unsure; b.byAddr[addr] <= 0 {
		delete(b.byAddr, addr)
	}
	c.unsure = 0
}

// release gives all back.
func (c *claim) release() {
	if c.n == 0 {
		return
	}
	c.budget.mu.Lock()
	defer c.budget.mu.Unlock()
	c.settle()
	c.budget.used -= c.n
	c.n = 0
}

type claimKey struct{}

// Hold counts n bytes more of the answer that an operation makes, which has the
// context of its request. An operation that reads calls it before it makes them, and
// ends with the error if there is one. Errors: ServiceUnavailableException.
func Hold(ctx context.Context, n int) error {
	c, ok := ctx.Value(claimKey{}).(*claim)
	if !ok {
		return nil
	}
	if !c.take(int64(n), true) {
		return errBusy
	}
	c.held += int64(n)
	return nil
}
