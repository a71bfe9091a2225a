package target

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Options configure the targets that Open makes. The zero value works.
type Options struct {
	// LogDir is the folder for the files of log:NAME. The default is the working
	// directory.
	LogDir string
	// Stdout is where log:- writes, one write per line. If several targets get
	// it, it must allow concurrent writes, as a file does. The default is the
	// standard output of the process.
	Stdout io.Writer
	// Trusted permits commands and log files with absolute paths. It is for ARNs
	// from the operator's own file, never for those that come over an API.
	Trusted bool
	// Timeout bounds one call, response included. The default is 5 s.
	Timeout time.Duration
	// PublicOnly reports whether calls to loopback and private addresses are refused
	// at the moment, too, but for those of AWS's services, whose addresses AWS and
	// the operator choose. It is for programs that open targets for others. The
	// default allows them.
	PublicOnly func() bool
	// Allow exempts networks from PublicOnly, never from invariant 3.
	Allow []netip.Prefix
	// Secret is the key with which requests of webhooks are signed. The default
	// signs nothing.
	Secret []byte
	// AWS says how to call services of AWS. With nil, none are called.
	AWS *AWS
	// NATSCredentials is a file of credentials for NATS. The default is none.
	NATSCredentials string
	// TLS configures https://. The default is Go's.
	TLS *tls.Config
	// Env names the variables of the environment that a command inherits. The
	// default is PATH, HOME, LANG, TZ and TMPDIR.
	Env []string
	// Go has the targets of go:NAME, by name. The default is none.
	Go map[string]Target
	// Invoke invokes functions. With nil, there are none.
	Invoke Invoke
}

func (o Options) withDefaults() Options {
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	if o.Env == nil {
		o.Env = []string{"PATH", "HOME", "LANG", "TZ", "TMPDIR"}
	}
	return o
}

// A ParseError says what is wrong with an ARN, and what to write instead (Fix).
type ParseError struct{ ARN, Msg, Fix string }

// Error returns message and fix.
func (e *ParseError) Error() string {
	return fmt.Sprintf("target %q: %s; write %s", e.ARN, e.Msg, e.Fix)
}

// Open returns the target that arn names; the package comment lists the forms. It
// uses neither disk nor network. It fails with a *ParseError.
func Open(arn string, o Options) (Target, error) {
	o = o.withDefaults()
	scheme, rest, _ := strings.Cut(arn, ":")
	switch scheme {
	case "http", "https":
		return openWebhook(arn, o)
	case "log":
		return openLog(arn, rest, o)
	case "command":
		return openCommand(arn, rest, o)
	case "nats", "tls":
		return openNATS(arn, o)
	case "go":
		return openGo(arn, rest, o)
	}
	if t, ok, err := openService(arn, o); ok {
		return t, err
	}
	if strings.HasPrefix(arn, QueueARN) {
		return openQueue(arn, o)
	}
	if strings.HasPrefix(arn, FunctionARN) {
		return openFunction(arn, o)
	}
	return nil, &ParseError{arn, "unknown kind of target", `http://HOST/PATH, https://HOST/PATH, log:- or log:NAME`}
}

func openWebhook(arn string, o Options) (Target, error) {
	u, err := url.Parse(arn)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "":
		return nil, &ParseError{arn, "not a URL with a host", "http://HOST:PORT/PATH"}
	case u.User != nil:
		return nil, &ParseError{arn, "a URL must not contain a password", "the URL without USER:PASSWORD@"}
	case u.Fragment != "":
		return nil, &ParseError{arn, "a fragment is never sent", "the URL without #" + u.Fragment}
	}
	if err := CheckURL(arn, o); err != nil {
		return nil, err
	}
	return newWebhook(u.String(), o), nil
}

// openGo returns the target that the program which opened the node has given.
func openGo(arn, name string, o Options) (Target, error) {
	if t, ok := o.Go[name]; ok {
		return t, nil
	}
	return nil, &ParseError{arn, "there is no target in Go of this name", "go:NAME with a name of Options.Targets of the node, which a program that embeds the node sets"}
}

var logName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$`)

func openLog(arn, name string, o Options) (Target, error) {
	switch {
	case name == "-":
		return newStdoutLog(o.Stdout), nil
	case logName.MatchString(name):
		return &logTarget{filepath.Join(o.LogDir, name+".jsonl"), o.Timeout}, nil
	case filepath.IsAbs(name) && !o.Trusted:
		return nil, &ParseError{arn, "a path is allowed only in the server's own file", "log:NAME"}
	case filepath.IsAbs(name):
		return &logTarget{filepath.Clean(name), o.Timeout}, nil
	}
	return nil, &ParseError{arn, "a name consists of letters, digits, '_', '-' and '.'", "log:- or log:NAME"}
}

func openCommand(arn, list string, o Options) (Target, error) {
	const form = `command:["PROGRAM","ARGUMENT"]`
	if !o.Trusted {
		return nil, &ParseError{arn, "a command is allowed only in the server's own file", "an http:// target, or a targets: entry in tablecast.yaml"}
	}
	var argv []string
	if err := json.Unmarshal([]byte(list), &argv); err != nil {
		return nil, &ParseError{arn, "the command is not a JSON array of strings", form}
	}
	if len(argv) == 0 || argv[0] == "" || strings.Contains(list, `\u0000`) {
		return nil, &ParseError{arn, "the command names no program", form}
	}
	return newCommand(argv, o), nil
}
