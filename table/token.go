package table

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tablecast/tablecast/kv"
)

// tokenLifetime is how long a transaction's token is remembered.
const tokenLifetime = 10 * time.Minute

// ErrTokenReused says that a token was used for another transaction.
var ErrTokenReused = errors.New("table: the token was used for another transaction")

// errTokenUsed says that the transaction of the token was made before.
var errTokenUsed = errors.New("table: the transaction of the token was made before")

// A token makes a transaction happen once. It is stored as
//
//	't' 5, token       -> time spent (8 bytes, ms), hash of the request
//	't' 6, time, token -> empty: when to forget it
type token struct {
	text string
	hash [32]byte
}

func (k *token) key() []byte { return kv.NewKey('t').Uint64(5).String(k.text) }

func tokenTimes(at time.Time) kv.Key { return kv.NewKey('t').Uint64(6).Uint64(uint64(at.UnixMilli())) }

// checkToken returns nil if the token is new, errTokenUsed if it was used for
// the same transaction, or ErrTokenReused. The caller holds the token's lock.
func (ts *Tables) checkToken(k *token) error {
	var at time.Time
	var same bool
	err := ts.store.View(k.key(), func(v []byte) error {
		if len(v) != 8+len(k.hash) {
			return fmt.Errorf("table: token of %d bytes", len(v))
		}
		at = time.UnixMilli(int64(binary.BigEndian.Uint64(v)))
		same = string(v[8:]) == string(k.hash[:])
		return nil
	})
	switch {
	case isNotFound(err):
		return nil
	case err != nil:
		return err
	case ts.opts.Now().Sub(at) >= tokenLifetime:
		return nil
	case same:
		return errTokenUsed
	default:
		return ErrTokenReused
	}
}

// store adds the token to the batch.
func (k *token) store(b *kv.Batch, at time.Time) {
	v := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli()))
	b.Set(k.key(), append(v, k.hash[:]...))
	b.Set(tokenTimes(at).String(k.text), nil)
}

// forgetAtOnce is how many tokens one commit removes.
const forgetAtOnce = 256

// forget removes tokens that were spent before the time, but for those that
// were spent again since. It reports whether there may be more.
func (ts *Tables) forget(before time.Time) (more bool, err error) {
	times, keys, err := ts.spentBefore(before)
	if err != nil || len(times) == 0 {
		return false, err
	}
	taken := ts.locks.lock(keys...)
	b := ts.store.NewBatch()
	b.UseReserve()
	for i, when := range times {
		b.Delete(when)
		r := kv.ReadKey(when)
		r.Uint64()
		at := r.Uint64()
		spent, err := ts.store.Get(keys[i])
		if err == nil && binary.BigEndian.Uint64(spent) == at {
			b.Delete(keys[i])
		}
	}
	c, err := ts.store.Apply(b)
	ts.locks.unlock(taken)
	if err == nil {
		err = c.Wait()
	}
	return len(times) == forgetAtOnce, err
}

// spentBefore returns the first tokens that were spent before the time: the
// keys of their times, and their own.
func (ts *Tables) spentBefore(before time.Time) (times, keys [][]byte, err error) {
	it := ts.store.Scan(kv.Range{Lower: kv.NewKey('t').Uint64(6), Upper: tokenTimes(before)})
	for it.Next() && len(times) < forgetAtOnce {
		r := kv.ReadKey(it.Key())
		r.Uint64()
		r.Uint64()
		k := token{text: r.String()}
		times, keys = append(times, bytes.Clone(it.Key())), append(keys, k.key())
	}
	return times, keys, it.Close()
}
