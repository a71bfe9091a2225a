package target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// reapDelay is how long a killed command's pipes may stay open.
const reapDelay = time.Second

// A command starts one process for each event.
type command struct {
	argv    []string
	env     []string // names
	timeout time.Duration
}

func newCommand(argv []string, o Options) *command {
	return &command{argv: argv, env: o.Env, timeout: o.Timeout}
}

// Deliver implements Target. The answer's body is what the process wrote to
// standard output and standard error.
func (c *command) Deliver(ctx context.Context, d *Delivery) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	out := &limitedBuffer{}
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Stdin = bytes.NewReader(d.Body)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = c.environ(d)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd) }
	cmd.WaitDelay = reapDelay
	if err := cmd.Start(); err != nil {
		return Response{}, startError(err)
	}
	err := cmd.Wait()
	_ = killGroup(cmd) // what the process left running
	answer := Response{Body: out.buf}
	if cmd.ProcessState != nil {
		answer.Status = cmd.ProcessState.String()
	}
	return answer, c.result(ctx, cmd, err)
}

// result says how the process ended.
func (c *command) result(ctx context.Context, cmd *exec.Cmd, err error) error {
	switch {
	case cmd.ProcessState != nil && cmd.ProcessState.Success():
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &Error{Code: CodeTimeout, Msg: fmt.Sprintf("%s did not end within %s", c.argv[0], c.timeout)}
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return &Error{Code: CodeUnavailable, Msg: fmt.Sprintf("%s: %v", c.argv[0], err)}
}

func startError(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	code := CodeUnavailable
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		code = CodeNoResource
	}
	return &Error{Code: code, Msg: "start: " + err.Error()}
}

// killGroup kills the process group of a command: the process and those of its
// children that did not leave the group.
func killGroup(cmd *exec.Cmd) error {
	err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// environ returns the environment of the process: the variables that Options.Env
// allows, and those that identify the delivery.
func (c *command) environ(d *Delivery) []string {
	out := make([]string, 0, len(c.env)+4)
	for _, name := range c.env {
		if v, ok := os.LookupEnv(name); ok {
			out = append(out, name+"="+v)
		}
	}
	for _, kv := range [...][2]string{
		{"TABLECAST_EVENT_ID", d.Event.ID}, {"TABLECAST_BUS", d.Bus}, {"TABLECAST_RULE", d.Rule},
		{"TABLECAST_ATTEMPT", strconv.Itoa(d.Attempt)},
	} {
		out = append(out, kv[0]+"="+strings.ReplaceAll(kv[1], "\x00", ""))
	}
	return out
}

// A limitedBuffer keeps the first MaxResponseBytes written to it and discards the
// rest.
type limitedBuffer struct{ buf []byte }

func (c *limitedBuffer) Write(p []byte) (int, error) {
	n := min(len(p), MaxResponseBytes-len(c.buf))
	c.buf = append(c.buf, p[:n]...)
	return len(p), nil
}
