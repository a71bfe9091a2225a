package bus

import (
	"context"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/target"
)

// codeHop is EventBridge's code for an event that came from a bus and is to go
// to another.
const codeHop = "THIRD_ACCOUNT_HOP_DETECTED"

// Forward accepts an event of another bus with the id, account and time that it
// has. An event goes from bus to bus once, so that buses that feed each other
// end no loop: a second time fails for good, as does a bus that does not exist,
// with a *target.Error. Other errors are the store's, and worth another try. An
// event that is forwarded again after a crash keeps its id.
func (b *Buses) Forward(ctx context.Context, name string, e *event.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.Forwarded {
		return &target.Error{Code: codeHop, Msg: "the event came from another bus already; it goes from bus to bus once", Permanent: true}
	}
	next := *e
	next.Forwarded = true
	a, err := b.match(name, &next)
	if err != nil {
		return &target.Error{Code: target.CodeNoResource, Msg: err.Error(), Permanent: true}
	}
	batch := b.store.NewBatch()
	b.add(batch, []*addition{a})
	return b.commit(batch, []*addition{a})
}
