package table

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tablecast/tablecast/kv"
)

// tokenLifetime is how long a transaction's client token is remembered.
const tokenLifetime = 10 * time.Minute

// ErrTokenReused says that a token was used for another transaction.
var ErrTokenReused = errors.New("table: the token was used for another transaction")

// errTokenUsed says that the transaction of the token was made before.
var errTokenUsed = errors.New("table: the transaction of the token was made before")

// A token is the client token of a transaction, which makes it idempotent. It is
// stored as
//
//	't' 5, token       -> time of its use (8 bytes, ms), hash of the request
//	't' 6, time, token -> empty: the order in which tokens are removed
type token struct {
	text string
	hash [32]byte
}

func (k *token) key() []byte { return kv.NewKey('t').Uint64(5).String(k.text) }

func tokenTimes(at time.Time) kv.Key { return kv.NewKey('t').Uint64(6).Uint64(uint64(at.UnixMilli())) }

// checkToken returns nil if the token is new, errTokenUsed if it was used for
// the same transaction, or ErrTokenReused. The caller holds the token's lock.
func (ts *Tables) checkToken(k *token) error {
	at, hash, err := ts.readToken(k.key())
	switch {
	case isNotFound(err):
		return nil
	case err != nil:
		return err
	case ts.opts.Now().Sub(at) >= tokenLifetime:
		return nil
	case hash == k.hash:
		return errTokenUsed
	default:
		return ErrTokenReused
	}
}

// readToken returns when a token was used, and for which transaction. Errors:
// kv.ErrNotFound.
func (ts *Tables) readToken(key []byte) (at time.Time, hash [32]byte, err error) {
	err = ts.store.View(key, func(v []byte) error {
		if len(v) != 8+len(hash) {
			return fmt.Errorf("table: %w: token of %d bytes", kv.ErrCorrupt, len(v))
		}
		at = time.UnixMilli(int64(binary.BigEndian.Uint64(v)))
		copy(hash[:], v[8:])
		return nil
	})
	return at, hash, err
}

// store adds the token to the batch.
func (k *token) store(b *kv.Batch, at time.Time) {
	v := binary.BigEndian.AppendUint64(nil, uint64(at.UnixMilli()))
	b.Set(k.key(), append(v, k.hash[:]...))
	b.Set(tokenTimes(at).String(k.text), nil)
}

// forgetStep is how many tokens one commit removes.
const forgetStep = 256

// forgetTokens removes tokens that were used before the time, except those that
// were used again since. It reports whether there may be more.
func (ts *Tables) forgetTokens(before time.Time) (more bool, err error) {
	times, keys, err := ts.usedBefore(before)
	if err != nil || len(times) == 0 {
		return false, err
	}
	c, err := ts.removeTokens(times, keys)
	if err == nil {
		err = c.Wait()
	}
	return len(times) == forgetStep, err
}

// removeTokens applies the removal of tokens while it holds their locks: a
// transaction that uses one of them again either stored its time before, and the
// token stays, or finds it gone.
func (ts *Tables) removeTokens(times, keys [][]byte) (kv.Commit, error) {
	stripes := ts.locks.lock(keys...)
	defer ts.locks.unlock(stripes)
	b := ts.store.NewBatch()
	b.UseReserve()
	for i, when := range times {
		r := kv.ReadKey(when)
		r.Uint64()
		at := r.Uint64()
		used, _, err := ts.readToken(keys[i])
		b.Delete(when)
		switch {
		case isNotFound(err):
		case errors.Is(err, kv.ErrCorrupt):
			// Without its time it is not met again, and holds up no other token.
			ts.opts.Logger.Error("table: a client token cannot be read and stays", "error", err)
		case err != nil:
			b.Close()
			return kv.Commit{}, err
		case uint64(used.UnixMilli()) == at:
			b.Delete(keys[i])
		}
	}
	return ts.store.Apply(b)
}

// usedBefore returns the first tokens that were used before the time: the keys
// of their times, and their own.
func (ts *Tables) usedBefore(before time.Time) (times, keys [][]byte, err error) {
	it := ts.store.Scan(kv.Range{Lower: kv.NewKey('t').Uint64(6), Upper: tokenTimes(before)})
	for it.Next() && len(times) < forgetStep {
		r := kv.ReadKey(it.Key())
		r.Uint64()
		r.Uint64()
		k := token{text: r.String()}
		times, keys = append(times, bytes.Clone(it.Key())), append(keys, k.key())
	}
	return times, keys, it.Close()
}
