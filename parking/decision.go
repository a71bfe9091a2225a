package parking

// A Decision says what becomes of records that a loop could not deal with. Each
// loop has one function, decide, that answers every failure with a Decision and
// a reason for people to read.
type Decision int

// The decisions.
const (
	Retry Decision = iota // the same records are tried again after a pause
	Split                 // the batch is tried in parts, to find the record that fails
	Park                  // the record is set aside whole, and its item waits
	Send                  // the destination on failure is told of the records, which are passed
	Drop                  // the records are passed and counted
	Halt                  // the loop ends where it is: going on would hide damage
)

// String returns the decision's name in lower case.
func (d Decision) String() string {
	return [...]string{"retry", "split", "park", "send", "drop", "halt"}[d]
}
