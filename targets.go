package tablecast

import (
	"path/filepath"
	"strings"

	"github.com/tablecast/tablecast/connection"
	"github.com/tablecast/tablecast/target"
)

// keyFile is the file in a node's folder that holds the key of what authorizes
// its connections.
const keyFile = "KEY"

// openConnections reads the connections of the folder and their key. A folder in
// a file system of the caller's has a key that is no secret.
func (n *Node) openConnections(dir string) error {
	var key connection.Key
	var err error
	if n.opts.FS == nil {
		if key, err = connection.LoadKey(filepath.Join(dir, keyFile)); err != nil {
			return err
		}
	}
	n.conns, err = connection.Open(n.store, connection.Options{Key: key, Logger: n.opts.Logger})
	return err
}

// serves reports whether an ARN of another service than functions can be called.
func (n *Node) serves(arn string) bool { return strings.Contains(arn, connection.ARNPart) }

// target opens the target that an ARN names.
func (n *Node) target(arn string) (target.Target, error) {
	if strings.Contains(arn, connection.ARNPart) {
		return n.conns.Target(arn)
	}
	return target.Open(arn, target.Options{LogDir: n.logs, Stdout: n.opts.Stdout, Trusted: true, Invoke: n.invoke})
}
