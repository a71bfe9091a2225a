package process

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Unhandled is the only FunctionError that Lambda gives today.
const Unhandled = "Unhandled"

// logTailBytes is the most of a log that a Result carries: Lambda's 4 KiB.
const logTailBytes = 4 << 10

// InvokeOptions go with one event.
type InvokeOptions struct {
	// RequestID is a UUID that the function and its log see. The default is a
	// new random one.
	RequestID string
	// ClientContext and CognitoIdentity are JSON that the function sees in its
	// context; may be empty.
	ClientContext, CognitoIdentity string
	// TraceID is an X-Ray header; may be empty.
	TraceID string
}

// A Result is the answer to one invocation.
type Result struct {
	// RequestID is that of InvokeOptions, or the one made for it.
	RequestID string
	// Payload is what the function answered, or Lambda's description of the
	// failure if FunctionError is set. The caller may keep and change it.
	Payload []byte
	// FunctionError is empty for an answer, else Unhandled.
	FunctionError string
	// NotStarted means that the failure came before the function saw the
	// event: no process could be started, or its code could not be loaded.
	NotStarted bool
	// LogTail is the end of what the process wrote, at most 4 KiB.
	LogTail []byte
	// Duration is the time from handing out the event to the answer.
	Duration time.Duration
	// BilledMs is Duration in milliseconds, rounded up.
	BilledMs int64
}

// An invocation is one event from Invoke to its answer. At any moment it is in
// Function.queue, or it is the inv of one worker, or it is answered; it moves from
// one to the next under Function.mu.
type invocation struct {
	id      string
	payload []byte
	opts    InvokeOptions
	done    chan answer // holds one, so that who answers never waits for Invoke

	// Set under Function.mu when a worker gets it.
	begun    time.Time
	deadline time.Time
}

// An answer ends an invocation: a Result, or why the function did not run.
type answer struct {
	result Result
	err    error
}

// Invoke hands the event to a process and waits for the answer. What the
// function does, failures included, is in the Result; the error is for what
// kept it from running: ErrPayloadTooLarge, ErrBusy, ErrClosed, or that of the
// context. An invocation whose context ends while it waits is withdrawn; one
// that a process has goes on to its end, as on Lambda, and its result is lost.
// The payload must not change until Invoke returns, or, if the context ended,
// until Run returns.
func (f *Function) Invoke(ctx context.Context, payload []byte, o InvokeOptions) (Result, error) {
	if len(payload) > MaxPayloadBytes {
		return Result{}, fmt.Errorf("%w: %d bytes, the limit is %d", ErrPayloadTooLarge, len(payload), MaxPayloadBytes)
	}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	inv := &invocation{id: o.RequestID, payload: payload, opts: o, done: make(chan answer, 1)}
	if inv.id == "" {
		inv.id = uuid.NewString()
	}
	if err := f.enqueue(inv, f.refresh()); err != nil {
		return Result{}, err
	}
	select {
	case out := <-inv.done:
		return out.result, out.err
	case <-ctx.Done():
		f.withdraw(inv)
		return Result{}, ctx.Err()
	}
}

// withdraw removes an invocation that no process has.
func (f *Function) withdraw(inv *invocation) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.queue, inv); i >= 0 {
		f.queue = slices.Delete(f.queue, i, i+1)
	}
}

// succeed and fail answer the invocation. Exactly one of them is called, once: by
// who took the invocation out of the queue or from its worker under Function.mu.
func (inv *invocation) succeed(r Result) { inv.done <- answer{result: r} }
func (inv *invocation) fail(err error)   { inv.done <- answer{err: err} }
