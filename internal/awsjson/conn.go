package awsjson

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A conn is one connection of a client.
type conn struct {
	net.Conn
	addr  netip.Addr
	since time.Time
	known atomic.Bool // whether a request on it was verified
	gone  func()
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.gone()
	return c.Conn.Close()
}

// address returns the client's address; that of no connection is zero.
func (c *conn) address() netip.Addr {
	if c == nil {
		return netip.Addr{}
	}
	return c.addr
}

type connKey struct{}

// withConn is the ConnContext of HTTP servers: requests know their connection.
func withConn(ctx context.Context, nc net.Conn) context.Context {
	if secure, ok := nc.(interface{ NetConn() net.Conn }); ok {
		nc = secure.NetConn()
	}
	c, ok := nc.(*conn)
	if !ok {
		c = &conn{addr: addrOf(nc)}
	}
	return context.WithValue(ctx, connKey{}, c)
}

// connOf returns the connection of a request, or nil.
func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}

func addrOf(c net.Conn) netip.Addr {
	addr, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return addr.AddrPort().Addr().Unmap()
}

// Limit returns a listener that keeps at most n connections. A connection beyond
// them takes the place of the oldest one on which no request was verified, of the
// address that has most of those: whoever opens many of them loses his own. If all
// were verified, the new connection is closed. closed, unless it is nil, is told of
// each connection that is closed for another.
func Limit(ln net.Listener, n int, closed func()) net.Listener {
	return &limited{Listener: ln, most: n, closed: closed, conns: map[*conn]bool{}}
}

type limited struct {
	net.Listener
	most   int
	closed func()

	mu    sync.Mutex
	conns map[*conn]bool // that are open; guarded by mu
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		nc, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: nc, addr: addrOf(nc), since: time.Now()}
		c.gone = func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			delete(l.conns, c)
		}
		victim, ok := l.add(c)
		if victim != nil {
			_ = victim.Close() // whoever serves it sees the end by its next read
			if l.closed != nil {
				l.closed()
			}
		}
		if ok {
			return c, nil
		}
	}
}

// add adds a connection if there is room, and returns the one to close.
func (l *limited) add(c *conn) (victim *conn, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.conns) >= l.most {
		if victim = l.victim(); victim == nil {
			return c, false
		}
		delete(l.conns, victim)
	}
	l.conns[c] = true
	return victim, true
}

// victim returns the connection that has to go, or nil. The caller holds mu.
func (l *limited) victim() *conn {
	count, oldest := map[netip.Addr]int{}, map[netip.Addr]*conn{}
	var most netip.Addr
	for c := range l.conns {
		if c.known.Load() {
			continue
		}
		if count[c.addr]++; count[c.addr] > count[most] {
			most = c.addr
		}
		if was := oldest[c.addr]; was == nil || c.since.Before(was.since) {
			oldest[c.addr] = c
		}
	}
	return oldest[most]
}
