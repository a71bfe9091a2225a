package process

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/tablecast/tablecast/internal/wait"
)

// A process is a started program, the leader of a process group of its own.
type process struct {
	cmd    *exec.Cmd
	output *os.File      // what it and its children write, both streams in one
	exited chan struct{} // closed after its end
}

// startProcess starts the program. Its end is waited for by a goroutine that
// holds one thread all the while, because the system ends the program when the
// thread that started it ends, and so with this process, however that ends.
func startProcess(ctx context.Context, argv []string, dir string, env []string, u *User) (*process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	p := &process{output: r, exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.exited)
		who := credential(u)
		command := func() *exec.Cmd {
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, w, w
			cmd.SysProcAttr = groupLeader()
			cmd.SysProcAttr.Credential = who
			return cmd
		}
		cmd, err := startWhenWritten(ctx, command)
		if u == nil && who != nil && errors.Is(err, syscall.EPERM) {
			who = nil // a root without the right to give up groups, as in some containers
			cmd, err = startWhenWritten(ctx, command)
		}
		p.cmd = cmd
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		<-p.exited
		r.Close()
		return nil, err
	}
	return p, nil
}

// startTries is how often a program is started that is open for writing.
const startTries = 8

// startWhenWritten tries again for a moment if someone still has the program's
// file open for writing.
func startWhenWritten(ctx context.Context, command func() *exec.Cmd) (*exec.Cmd, error) {
	again := wait.Backoff{Least: 5 * time.Millisecond, Most: 200 * time.Millisecond}
	for tries := 1; ; tries++ {
		cmd := command()
		err := cmd.Start()
		if !errors.Is(err, syscall.ETXTBSY) || tries == startTries {
			return cmd, err
		}
		if err := again.Wait(ctx); err != nil {
			return cmd, err
		}
	}
}

// status says how the process ended: "exit status 1", "signal: killed".
func (p *process) status() string { return p.cmd.ProcessState.String() }

// terminate asks the group to end, kills it after the grace, and waits for the
// process.
func (p *process) terminate(grace time.Duration) {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		p.kill()
	}
}

// kill kills the group and waits for the process.
func (p *process) kill() {
	p.killGroup()
	<-p.exited
}

// killGroup kills the process and its children, except those that left its
// group. It reports whether there were any.
func (p *process) killGroup() bool {
	return syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) == nil
}

// clear kills what an ended process left running, and waits until it is gone,
// for a second at most.
func (p *process) clear() {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := 0; i < 1000 && p.killGroup(); i++ {
		<-tick.C
	}
}

// memory returns the memory of the process and its children, in bytes; 0 where
// it cannot be measured.
func (p *process) memory() int64 { return ownBytes(p.cmd.Process.Pid) }
