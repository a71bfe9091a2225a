package streams

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

// A shardSync makes lease rows for the shards of a listing, as the shard sync of the
// Kinesis Client Library does.
type shardSync struct {
	s       *session
	listing listing
	owner   string // of the rows; empty: none
	visited map[string]error
	created int
}

// syncShards makes lease rows for the shards of a listing that have none, each after those
// of its parents, and returns how many. With an owner, which is this worker,
// they are read at once. A shard whose parent is not known is left for
// later, which is an error.
func (s *session) syncShards(ctx context.Context, l listing, owner string) (created int, err error) {
	a := shardSync{s: s, listing: l, owner: owner, visited: map[string]error{}}
	for _, id := range slices.Sorted(maps.Keys(l.shards)) {
		err = errors.Join(err, a.visit(ctx, id))
	}
	if a.created > 0 {
		s.rescan.Set()
	}
	return a.created, err
}

// visit makes the row of a shard of the listing, if it has none.
func (a *shardSync) visit(ctx context.Context, id string) error {
	if err, visited := a.visited[id]; visited {
		return err
	}
	a.visited[id] = errLater // a shard is no ancestor of itself
	err := a.add(ctx, id, a.listing.shards[id])
	a.visited[id] = err
	return err
}

func (a *shardSync) add(ctx context.Context, id string, t listedShard) error {
	if r, known := a.s.cache.get(id); known {
		return a.relate(ctx, r, t)
	}
	// The rows of parents come first. A crash between two rows leaves a shard without
	// a row, which the next listing makes, never one that does not wait for its parent.
	var parents []string
	for _, p := range t.parents {
		wait, err := a.parent(ctx, p)
		if err != nil {
			return err
		}
		if wait {
			parents = append(parents, p)
		}
	}
	r := row{Shard: id, Checkpoint: atHorizon, Parents: parents, Owner: a.owner}
	if a.owner != "" || a.s.stream.Follows {
		r.Begins = t.begins
	}
	return a.create(ctx, r)
}

// relate adds parents that were not known to a row of which no record was processed.
func (a *shardSync) relate(ctx context.Context, r row, t listedShard) error {
	for _, p := range t.parents {
		if _, known := a.s.cache.get(p); !known || r.started() || slices.Contains(r.Parents, p) {
			continue
		}
		if err := a.s.rows.addParent(ctx, r.Shard, p); err != nil {
			return err
		}
		r.Parents = append(slices.Clone(r.Parents), p)
		a.s.cache.put(r)
	}
	return nil
}

// errLater says that a shard's parent is neither known nor known to be gone.
var errLater = errors.New("streams: a parent is not listed yet")

// parent reports whether a shard has to wait for a parent: it does not for one
// that is neither listed nor readable. Listings may lack a shard that is there,
// so that the shard itself is asked for; if it can be read, its own parents are
// not known before it is listed, which is waited for some time.
func (a *shardSync) parent(ctx context.Context, id string) (wait bool, err error) {
	if _, known := a.s.cache.get(id); known {
		return true, nil
	}
	if _, listed := a.listing.shards[id]; listed {
		return true, a.visit(ctx, id)
	}
	if !a.listing.complete {
		return false, errLater
	}
	_, err = a.s.o.Streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{
		StreamArn: &a.s.stream.ARN, ShardId: &id, ShardIteratorType: types.ShardIteratorTypeTrimHorizon,
	}, onceStreams)
	switch {
	case err == nil && !a.s.unlistedLong(id):
		return false, errLater
	case err == nil:
		return true, a.create(ctx, row{Shard: id, Checkpoint: atHorizon})
	case faultOf(err) == gone, faultOf(err) == trimmed:
		return false, nil
	}
	return false, err
}

// unlistedLong reports whether a shard that can be read was not listed for long.
func (s *session) unlistedLong(shard string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.unlisted[shard]; !ok {
		s.unlisted[shard] = s.o.Now()
	}
	return s.o.Now().Sub(s.unlisted[shard]) > unlistedFor
}

// create makes a row, and reads its shard if it is to be this worker's.
func (a *shardSync) create(ctx context.Context, r row) error {
	if r.Owner != "" {
		// Before launch has put it into held, a scan would see a row of this worker's that
		// it does not hold, take that for a lost reply, and take the lease once more.
		r.Counter = 1
		defer a.s.reserve(r.Shard)()
	}
	sent := a.s.o.Now()
	ours, err := a.s.rows.create(ctx, r)
	if err != nil {
		return err
	}
	if !ours { // another worker was first, with its own parents and owner
		there, ok, err := a.s.rows.get(ctx, r.Shard)
		if ok {
			a.s.cache.put(there)
		}
		return err
	}
	a.created++
	a.s.cache.put(r)
	if r.Owner != "" {
		a.s.launch(ctx, held(a.s.rows, a.s.o, r, sent))
	}
	return nil
}
