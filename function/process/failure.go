package process

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// A description is the payload of a failure that the function did not describe
// itself.
type description struct {
	ErrorType    string `json:"errorType"`
	ErrorMessage string `json:"errorMessage"`
}

// Types of failure, as Lambda names them.
const (
	typeExit       = "Runtime.ExitError"
	typeTimeout    = "Sandbox.Timedout"
	typeEntrypoint = "Runtime.InvalidEntrypoint"
	typeImport     = "Runtime.ImportModuleError"
	typeSyntax     = "Runtime.UserCodeSyntaxError"
	typeMemory     = "Runtime.OutOfMemory" // in the log only
	typeTooLarge   = "Function.ResponseSizeTooLarge"
)

// describe says why the process answered nothing.
func (w *worker) describe(inv *invocation, e ending) (d description, lines []string) {
	cause := ""
	d.ErrorType = typeExit
	switch e.cause {
	case causeTimeout:
		limit := w.f.spec.Timeout
		if e.state == starting {
			limit = max(limit, w.f.opts.Init)
		}
		cause = fmt.Sprintf("Task timed out after %.2f seconds", limit.Seconds())
		d = description{typeTimeout, "RequestId: " + inv.id + " Error: " + cause}
		return d, []string{w.f.opts.Now().UTC().Format("2006-01-02T15:04:05.000Z") + " " + inv.id + " " + cause}
	case causeRefused:
		d.ErrorType, cause = refusal(e.err)
	case causeExit, causeReported, causeStopped:
		cause = exitText(e.status)
	case causeMemory:
		cause = exitText(e.status)
		lines = append(lines, fmt.Sprintf("RequestId: %s used more than its %d MB of memory", inv.id, w.f.spec.MemoryMB))
	}
	d.ErrorMessage = "RequestId: " + inv.id + " Error: " + cause
	return d, append(lines, d.ErrorMessage, d.ErrorType)
}

func exitText(status string) string {
	if status == "exit status 0" {
		return "Runtime exited without providing a reason"
	}
	return "Runtime exited with error: " + status
}

// refusal returns type and text for a process that could not be started.
func refusal(err error) (kind, text string) {
	var fault *Error
	if !errors.As(err, &fault) {
		return typeEntrypoint, err.Error()
	}
	switch fault.Code {
	case CodeBuild:
		return typeSyntax, fault.Error()
	case CodeNoHandler:
		return typeImport, fault.Error()
	}
	return typeEntrypoint, fault.Error()
}

// failure is the result of an invocation whose process answered nothing.
func (w *worker) failure(inv *invocation, e ending, notStarted bool) Result {
	if notStarted {
		w.logs.begin(inv.id)
	}
	d, lines := w.describe(inv, e)
	payload, _ := json.Marshal(&d)
	failed := d.ErrorType
	switch e.cause {
	case causeMemory:
		failed = typeMemory
	case causeReported: // in its own words
		payload, lines = w.initError, nil
		if json.Unmarshal(payload, &d) == nil {
			failed = d.ErrorType
		}
	}
	result := w.result(inv, failed, lines)
	result.Payload, result.FunctionError, result.NotStarted = payload, Unhandled, notStarted
	return result
}

// result measures the invocation and closes its log. The payload is left to the
// caller; failed is the type of a failure of the process, or empty.
func (w *worker) result(inv *invocation, failed string, lines []string) Result {
	r := Result{RequestID: inv.id, Duration: time.Since(inv.begun)}
	r.BilledMs = (r.Duration + time.Millisecond - 1).Milliseconds()
	report := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB",
		inv.id, float64(r.Duration.Microseconds())/1000, r.BilledMs, w.f.spec.MemoryMB, w.peakBytes()>>20)
	if failed != "" {
		report += "\tStatus: error\tError Type: " + failed
	}
	r.LogTail = w.logs.finish(append(lines, "END RequestId: "+inv.id, report)...)
	return r
}

func (w *worker) peakBytes() int64 {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	return w.peak
}
