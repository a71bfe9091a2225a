package process

import "time"

// Defaults of Options.
const (
	defaultIdle        = 5 * time.Minute
	defaultInit        = 10 * time.Second
	defaultGrace       = 500 * time.Millisecond
	defaultMaxWaiting  = 1000
	defaultMaxLogBytes = 4 << 20
)

// Options say how functions run. The zero value is good.
type Options struct {
	// Log takes each line that the function writes, and Lambda's own lines
	// about each invocation. It is called from several goroutines, holds up
	// the process meanwhile, and must not call the Function. The default
	// drops the lines.
	Log func(Line)
	// Idle is how long a process without work is kept. The default is 5 min.
	Idle time.Duration
	// Init is the least time that a process has until it asks for its first
	// event; it has Spec.Timeout if that is longer. The default is 10 s.
	Init time.Duration
	// Grace is the time between asking a process to end and killing it; one
	// that overran is killed at once. The default is 500 ms.
	Grace time.Duration
	// MaxWaiting is the most invocations that wait for a process. The default
	// is 1000.
	MaxWaiting int
	// MaxLogBytes is the most that one invocation may log; the rest is counted
	// and dropped. The default is 4 MiB.
	MaxLogBytes int
	// PassEnv names variables of this process's environment that functions
	// see, besides PATH, HOME, LANG and TMPDIR.
	PassEnv []string
	// Node and Python are the programs that run handlers. The defaults are
	// "node" and "python3", looked up in PATH.
	Node, Python string
	// TempDir is where each function makes a folder of its own, removed at the end
	// of Run, and by Sweep if Run did not end. The default is the system's.
	TempDir string
	// User is whom the processes run as. The default is who runs this program, with
	// the groups of that user if this program cannot give them up.
	User *User
	// Now is the clock of deadlines and log lines. The default is time.Now.
	Now func() time.Time
}

func (o Options) complete() Options {
	setDefault(&o.Idle, defaultIdle)
	setDefault(&o.Init, defaultInit)
	setDefault(&o.Grace, defaultGrace)
	setDefault(&o.MaxWaiting, defaultMaxWaiting)
	setDefault(&o.MaxLogBytes, defaultMaxLogBytes)
	setDefault(&o.Node, "node")
	setDefault(&o.Python, "python3")
	if o.Log == nil {
		o.Log = func(Line) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// A Line is one line of a function's log.
type Line struct {
	// Time is when the line was read.
	Time time.Time
	// RequestID is the invocation that the process was busy with, or the last
	// one it had; empty before the first.
	RequestID string
	// Platform marks Lambda's own lines: START, END, REPORT, and why a process
	// ended.
	Platform bool
	// Text is the line without its end. Lines longer than 256 KiB are cut in
	// pieces.
	Text string
}
