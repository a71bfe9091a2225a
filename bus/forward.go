package bus

import (
	"context"

	"github.com/tablecast/tablecast/event"
	"github.com/tablecast/tablecast/target"
)

// codeHop is EventBridge's error code for an event that would go to a third bus.
const codeHop = "THIRD_ACCOUNT_HOP_DETECTED"

// Forward accepts an event of another bus and keeps its id, account and time. It
// is what a target does that is a bus. An event is forwarded once, so that rules
// that send events in a circle do not loop: a second hop fails permanently with a
// *target.Error, as does a bus that does not exist. Other errors are the store's
// and worth another try. A repeated attempt forwards the event again with the
// same id.
func (b *Buses) Forward(ctx context.Context, name string, e *event.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if e.Forwarded {
		return &target.Error{Code: codeHop, Msg: "the event came from another bus already; it goes from bus to bus once", Permanent: true}
	}
	next := *e
	next.Forwarded = true
	a, err := b.route(name, &next)
	if err != nil {
		return &target.Error{Code: target.CodeNoResource, Msg: err.Error(), Permanent: true}
	}
	batch := b.store.NewBatch()
	batch.UseReserve() // as all deliveries do: they empty a full disk
	b.addRouted(batch, []*routed{a})
	return b.commit(batch, []*routed{a})
}
