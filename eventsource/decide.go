package eventsource

// A Decision says what becomes of a batch that the function did not take.
type Decision int

// The decisions.
const (
	Again  Decision = iota // the same batch, after a pause
	Split                  // its halves, one after the other
	Aside                  // the record is parked, its item waits
	Tell                   // the destination is told, and the batch is passed
	Forget                 // the batch is passed, and counted
)

// String returns the decision's name.
func (d Decision) String() string {
	return [...]string{"again", "split", "parked", "destination", "skipped"}[d]
}

// decide says what to do with a batch of n records after so many failures of
// the function, and why. It is the only place that does.
func decide(s *Settings, n, failures int) (Decision, string) {
	policy, limit := s.policy(), s.retries()
	switch {
	case n > 1 && s.Tumbling == 0 && (s.Bisect || policy == Park):
		return Split, "to find the record that fails"
	case limit < 0 || failures <= limit:
		return Again, "the function failed"
	case s.OnFailure != "":
		return Tell, "the retries are used up"
	case policy == Park && s.Tumbling == 0:
		return Aside, "the retries are used up; its item waits"
	}
	return Forget, "the retries are used up, and there is no destination"
}
