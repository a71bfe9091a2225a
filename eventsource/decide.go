package eventsource

import (
	"errors"

	"github.com/tablecast/tablecast/kv"
	"github.com/tablecast/tablecast/parking"
)

// A failure is what a mapping met in a shard: an error, or a batch that the
// function did not take.
type failure struct {
	err      error // of the stream or the store; nil if the function is to blame
	records  int   // of the batch
	failures int   // of the function with this batch
	tooOld   bool  // the records are older than MaxAge, whatever the function says
}

// decide says what to do about a failure, and why. It is the only place that does.
func decide(s *Settings, f failure) (parking.Decision, string) {
	policy, limit := s.policy(), s.retries()
	switch {
	case errors.Is(f.err, kv.ErrCorrupt), errors.Is(f.err, parking.ErrDamaged):
		return parking.Halt, "stored bytes are damaged"
	case f.err != nil:
		return parking.Retry, "it may pass"
	case f.tooOld && s.OnFailure != "":
		return parking.Send, "the records are too old"
	case f.tooOld:
		return parking.Drop, "the records are too old, and there is no destination"
	case f.records > 1 && s.TumblingWindow == 0 && (s.Bisect || policy == Park):
		return parking.Split, "to find the record that fails"
	case limit < 0 || f.failures <= limit:
		return parking.Retry, "the function failed"
	case s.OnFailure != "":
		return parking.Send, "the retries are used up"
	case policy == Park && s.TumblingWindow == 0:
		return parking.Park, "the retries are used up; its item waits"
	}
	return parking.Drop, "the retries are used up, and there is no destination"
}
