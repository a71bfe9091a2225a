package streams_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tablecast/tablecast/remote/streams"
)

// run is a test of one worker over a wire that misbehaves.
func run(t *testing.T, shards int, m func(w *world) meddle, do func(w *world, k *worker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, shards)
		w.put(ids(4)...)
		k := w.work("a", nil, serial(m(w)))
		do(w, k)
		w.quit(k)
		if err := w.check(); err != nil {
			t.Errorf("%v\n%s", err, w.log.String())
		}
	})
}

// serial returns a meddle that does one call at a time.
func serial(m meddle) meddle {
	var mu sync.Mutex
	return func(op, body string, ask func(string) answer) answer {
		mu.Lock()
		defer mu.Unlock()
		return m(op, body, ask)
	}
}

// once checks that nothing was seen twice and that no gap was counted.
func (w *world) once() {
	w.t.Helper()
	twice := map[string]bool{}
	for _, s := range w.sights() {
		if twice[s.sequence] {
			w.t.Errorf("%s came twice", s.sequence)
		}
		twice[s.sequence] = true
	}
	if n := w.log.count("gap"); n != 0 {
		w.t.Errorf("%d gaps were logged:\n%s", n, w.log.String())
	}
}

// rotations writes and rotates and splits.
func (w *world) rotations(n int) {
	for i := range n {
		w.put(ids(4)...)
		if i%3 == 2 {
			w.must(w.stream().Split())
		} else {
			w.must(w.stream().Rotate())
		}
		w.put(ids(4)...)
		time.Sleep(700 * time.Millisecond)
	}
	time.Sleep(5 * time.Second)
}

// An iterator that expired never heals: the reader goes on with a new one.
func TestExpiredIterators(t *testing.T) {
	dead, used := map[string]bool{}, 0
	var failed atomic.Int32
	run(t, 1, func(*world) meddle {
		return func(op, body string, ask func(string) answer) answer {
			if op != "GetRecords" {
				return ask(body)
			}
			if used++; used%4 == 0 {
				dead[body] = true
			}
			if dead[body] {
				failed.Add(1)
				return refusal("ExpiredIteratorException")
			}
			return ask(body)
		}
	}, func(w *world, _ *worker) {
		w.rotations(6)
		w.once()
		if failed.Load() == 0 {
			t.Error("no iterator expired")
		}
	})
}

// A worker does not take a shard from itself whose row it is still making: that
// would cost it the lease of what it began to read.
func TestOwnShards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.put(ids(4)...)
		k := w.work("a", nil, func(op, body string, ask func(string) answer) answer {
			a := ask(body)
			if op == "PutItem" {
				time.Sleep(4 * time.Second) // rows are looked at meanwhile
			}
			return a
		})
		w.rotations(6)
		time.Sleep(time.Minute)
		w.quit(k)
		w.must(w.check())
		w.once()
		if n := w.log.count(`from=a`); n != 0 {
			t.Errorf("%d shards were taken\n%s", n, w.log.String())
		}
	})
}

// An answer without records is not the end of a shard.
func TestEmptyPages(t *testing.T) {
	run(t, 1, func(*world) meddle {
		n := 0
		return func(op, body string, ask func(string) answer) answer {
			if n++; op == "GetRecords" && n%3 != 0 {
				a := answer{status: 200, header: map[string][]string{}}
				a.body = []byte(`{"Records":[],"NextShardIterator"` + strings.TrimPrefix(body, `{"ShardIterator"`))
				return a
			}
			return ask(body)
		}
	}, func(w *world, _ *worker) {
		w.rotations(4)
		w.once()
	})
}

// Lost requests and replies, and answers of a broken server, repeat nothing
// while the worker lives.
func TestLostReplies(t *testing.T) {
	run(t, 2, func(*world) meddle {
		n := 0
		return func(_, body string, ask func(string) answer) answer {
			switch n++; n % 9 {
			case 1:
				return answer{err: errors.New("the request was lost")}
			case 3:
				ask(body)
				return answer{err: errors.New("the reply was lost")}
			case 5:
				return answer{status: 503, header: map[string][]string{}, body: []byte("<html>unavailable</html>")}
			}
			return ask(body)
		}
	}, func(w *world, _ *worker) {
		w.rotations(5)
		time.Sleep(20 * time.Second)
		w.once()
	})
}

// The whole stream is listed though the server lists three shards at a time.
func TestAllPages(t *testing.T) {
	run(t, 5, func(*world) meddle {
		return func(op, body string, ask func(string) answer) answer {
			if op == "DescribeStream" {
				body = `{"Limit":3,` + body[1:]
			}
			return ask(body)
		}
	}, func(w *world, _ *worker) {
		w.rotations(4)
		w.once()
	})
}

// Pages that cannot be had do not keep the reader from the shards of the
// others.
func TestHalfAListing(t *testing.T) {
	run(t, 6, func(*world) meddle {
		return func(op, body string, ask func(string) answer) answer {
			if op == "DescribeStream" && strings.Contains(body, "ExclusiveStartShardId") && time.Since(bubbleStart) < 30*time.Second {
				return answer{status: 500, header: map[string][]string{}, body: []byte(`{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}`)}
			}
			if op == "DescribeStream" && !strings.Contains(body, "ShardFilter") {
				body = `{"Limit":3,` + body[1:]
			}
			return ask(body)
		}
	}, func(w *world, _ *worker) {
		w.put(ids(20)...)
		time.Sleep(10 * time.Second)
		if n := len(w.sights()); n == 0 {
			t.Error("nothing was read while a page could not be had")
		}
		time.Sleep(2 * time.Minute)
	})
}

// bubbleStart is the time at which bubbles begin.
var bubbleStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// A server that refuses CHILD_SHARDS, and one that ignores it, are asked for
// all shards instead.
func TestNoChildFilter(t *testing.T) {
	filter := regexp.MustCompile(`"ShardFilter":{[^}]*},?`)
	for name, refuse := range map[string]bool{"refused": true, "ignored": false} {
		t.Run(name, func(t *testing.T) {
			run(t, 2, func(*world) meddle {
				return func(op, body string, ask func(string) answer) answer {
					if op == "DescribeStream" && filter.MatchString(body) {
						if refuse {
							return refusal("ValidationException")
						}
						body = strings.Replace(filter.ReplaceAllString(body, ""), ",}", "}", 1)
					}
					return ask(body)
				}
			}, func(w *world, _ *worker) {
				w.rotations(5)
				w.once()
				if w.log.count("does not offer CHILD_SHARDS") != 1 {
					t.Error(w.log.String())
				}
			})
		})
	}
}

// Children that are listed late are found within seconds of being listed.
func TestLateChildren(t *testing.T) {
	var hidden atomic.Bool
	run(t, 1, func(*world) meddle {
		return func(op, body string, ask func(string) answer) answer {
			a := ask(body)
			if op == "DescribeStream" && hidden.Load() {
				a.body = withoutChildren(a.body)
			}
			return a
		}
	}, func(w *world, _ *worker) {
		time.Sleep(2 * time.Second)
		hidden.Store(true)
		w.must(w.stream().Split())
		w.put(ids(8)...)
		time.Sleep(20 * time.Second)
		if w.missing() != 8 {
			t.Errorf("%d changes are missing", w.missing())
		}
		hidden.Store(false)
		time.Sleep(6 * time.Second)
		w.once()
		if w.missing() != 0 {
			t.Errorf("%d changes are missing some seconds after the children were listed", w.missing())
		}
	})
}

var listedChild = regexp.MustCompile(`,?{"ShardId":"[^"]*","SequenceNumberRange":{[^}]*},"ParentShardId":"[^"]*"}`)

// withoutChildren removes the shards that have a parent from a listing.
func withoutChildren(body []byte) []byte {
	return []byte(strings.Replace(listedChild.ReplaceAllString(string(body), ""), `"Shards":[,`, `"Shards":[`, 1))
}

// Listings contradict each other: parents that have children are shown as open,
// or are not shown at all though they can be read.
func TestInconsistentListings(t *testing.T) {
	ending := regexp.MustCompile(`,"EndingSequenceNumber":"\d+"`)
	for name, mangle := range map[string]func(n int, body string) string{
		"open parents": func(_ int, body string) string { return ending.ReplaceAllString(body, "") },
		"no parents": func(_ int, body string) string {
			if time.Since(bubbleStart) > time.Minute {
				return body
			}
			return strings.Replace(listedShard.ReplaceAllStringFunc(body, func(s string) string {
				if ending.MatchString(s) {
					return ""
				}
				return s
			}), `"Shards":[,`, `"Shards":[`, 1)
		},
		"now and then": func(n int, body string) string {
			if n%2 == 0 {
				return string(withoutChildren([]byte(body)))
			}
			return body
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 2)
				w.rotations(2) // so that the reader meets shards that are closed
				n := 0
				k := w.work("a", nil, serial(func(op, body string, ask func(string) answer) answer {
					a := ask(body)
					if op == "DescribeStream" && !strings.Contains(body, "ShardFilter") {
						n++
						a.body = []byte(mangle(n, string(a.body)))
					}
					return a
				}))
				w.rotations(3)
				time.Sleep(3 * time.Minute)
				w.quit(k)
				if err := w.check(); err != nil {
					t.Errorf("%v\n%s", err, w.log.String())
				}
				w.once()
			})
		})
	}
}

var listedShard = regexp.MustCompile(`,?{"ShardId":"[^"]*","SequenceNumberRange":{[^}]*}(,"ParentShardId":"[^"]*")?}`)

// A shard whose parent is neither listed nor readable is read as a root.
func TestParentGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		root := w.stream().Shards()[0].ID
		time.Sleep(time.Second)
		w.must(w.stream().Rotate())
		w.put(ids(4)...)
		k := w.work("a", nil, func(op, body string, ask func(string) answer) answer {
			if op == "GetShardIterator" && strings.Contains(body, root) {
				return refusal("ResourceNotFoundException")
			}
			a := ask(body)
			if op == "DescribeStream" {
				a.body = []byte(regexp.MustCompile(`{"ShardId":"`+root+`",[^}]*}},`).ReplaceAllString(string(a.body), ""))
			}
			return a
		})
		time.Sleep(5 * time.Second)
		w.quit(k)
		if err := w.check(); err != nil {
			t.Errorf("%v\n%s", err, w.log.String())
		}
		w.once()
	})
}

// A shard of which two parents are told waits for both.
func TestTwoParents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.put(ids(8)...)
		first := w.stream().Shards()
		w.must(w.stream().Rotate())
		child := w.stream().Shards()[2].ID // of first[0]
		w.put(ids(8)...)
		var blocked atomic.Bool
		blocked.Store(true)
		w.deal = func(s sight) error {
			if blocked.Load() && s.shard == first[1].ID {
				return errors.New("the bus is down")
			}
			return nil
		}
		k := w.work("a", nil, func(op, body string, ask func(string) answer) answer {
			a := ask(body)
			if op == "DescribeStream" {
				a.body = []byte(strings.Replace(string(a.body), `"Shards":[`, fmt.Sprintf(
					`"Shards":[{"ShardId":"%s","ParentShardId":"%s","SequenceNumberRange":{"StartingSequenceNumber":"1"}},`, child, first[1].ID), 1))
			}
			return a
		})
		time.Sleep(10 * time.Second)
		seen := map[string]int{}
		for _, s := range w.sights() {
			seen[s.shard]++
		}
		if seen[child] != 0 || seen[first[0].ID] == 0 {
			t.Errorf("%d records of the child before its second parent ended, %d of the first", seen[child], seen[first[0].ID])
		}
		blocked.Store(false)
		time.Sleep(40 * time.Second)
		w.quit(k)
		if err := w.check(); err != nil {
			t.Errorf("%v\n%s", err, w.log.String())
		}
	})
}

var number = regexp.MustCompile(`"((?:Starting|Ending)?SequenceNumber)":"1(0*)(\d+)"`)

// Numbers of different lengths are compared as numbers: 9 is before 10.
func TestNumbersOfAllLengths(t *testing.T) {
	asked := regexp.MustCompile(`"SequenceNumber":"(\d+)"`)
	run(t, 1, func(*world) meddle {
		used := 0
		return func(op, body string, ask func(string) answer) answer {
			if used++; op == "GetRecords" && used%3 == 0 {
				return refusal("ExpiredIteratorException") // so that positions are asked for
			}
			if m := asked.FindStringSubmatch(body); m != nil && op == "GetShardIterator" {
				body = asked.ReplaceAllString(body, fmt.Sprintf(`"SequenceNumber":"1%020s"`, m[1]))
			}
			a := ask(body)
			if op == "GetRecords" || op == "DescribeStream" {
				a.body = number.ReplaceAll(a.body, []byte(`"$1":"$3"`))
			}
			return a
		}
	}, func(w *world, _ *worker) {
		for range 60 {
			w.put("u0")
			time.Sleep(100 * time.Millisecond)
		}
		w.rotations(3)
		time.Sleep(5 * time.Second)
		w.once()
	})
}

// Records that are larger than a page of the prefetch are read, each alone.
func TestLargeRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		for range 3 {
			w.putLarge(ids(3)...)
		}
		k := w.work("a", func(o *streams.Options) { o.Prefetch = 1 }, nil)
		time.Sleep(20 * time.Second)
		w.quit(k)
		if err := w.check(); err != nil {
			t.Error(err)
		}
		w.once()
	})
}

// shardOf returns the shard that a call of GetShardIterator or GetRecords is
// about.
func shardOf(body string) (shard string, ok bool) {
	if m := regexp.MustCompile(`"ShardId":"([^"]+)"`).FindStringSubmatch(body); m != nil {
		return m[1], true
	}
	m := regexp.MustCompile(`\|1\|([^"]+)"`).FindStringSubmatch(body)
	if m == nil {
		return "", false
	}
	b, err := base64.StdEncoding.DecodeString(m[1])
	if err != nil || len(b) < 16 {
		return "", false
	}
	return string(b[16:]), true
}
