package process

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// who is a program that answers whom it runs as, its groups and what it can do.
const who = `#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  headers="$TMPDIR/headers"
  curl -sS -o /dev/null -D "$headers" "$api/next" || exit
  id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: *//Ip' "$headers" | tr -d '\r')
  rm "$headers"
  changed=no
  echo x 2>/dev/null >> "$0" && changed=yes
  curl -sS -o /dev/null -d "\"$(id -u) $(id -G) $changed\"" "$api/$id/response"
done
`

// Functions run as the user that the operator names, with its own group alone, read
// their code and write to a temporary folder of their own.
func TestFunctionUser(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can run functions as another user")
	}
	nobody, err := FindUser("nobody")
	if err != nil {
		t.Skip(err)
	}
	for _, root := range []string{"root", "0"} {
		if u, err := FindUser(root); err == nil {
			t.Errorf("functions may run as %s: %+v", root, u)
		}
	}
	closed, err := os.MkdirTemp("", "code-") // not below a folder of the test, which others may not enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(closed) })
	write(t, filepath.Join(closed, "bootstrap"), who)
	if err := nobody.Share(closed); err != nil {
		t.Fatal(err)
	}
	w := startAs(t, Spec{Dir: closed}, nobody)
	for range 2 {
		w.want(`{}`, fmt.Sprintf(`"%d %d no"`, nobody.UID, nobody.GID))
	}
	w.stop()
	js := filepath.Join(closed, "index.js")
	write(t, js, `exports.handler = async () => [process.getuid(), process.env.HOME]`)
	if err := nobody.Share(closed); err != nil {
		t.Fatal(err)
	}
	startAs(t, Spec{Dir: closed, Handler: "index.handler", Runtime: "nodejs22.x"}, nobody).want(`{}`, fmt.Sprintf(`[%d,"%s"]`, nobody.UID, nobody.Home))
	_ = wantFault(t, Spec{Dir: files(t, map[string]string{"index.ts": "export const handler = async () => 1"}), Handler: "index.ts"}, Options{User: nobody}, CodeBuild)
}

// startAs is start with another user, whose folders others can enter.
func startAs(t *testing.T, s Spec, u *User) *world {
	t.Helper()
	for dir := t.TempDir(); dir != "/" && strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return start(t, s, Options{User: u})
}

// A node that can give up its groups does so for its functions.
func TestFunctionGroups(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give up groups")
	}
	was, err := syscall.Getgroups()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setgroups([]int{0, 4242}); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setgroups(was); err != nil {
			t.Error(err)
		}
	})
	w := start(t, node(t, "index.js", `exports.handler = async () => process.getgroups()`), Options{})
	if r := w.invoke(`{}`); strings.Contains(string(r.Payload), "4242") || !slices.Contains([]string{"[]", "[0]"}, string(r.Payload)) {
		t.Errorf("the function has the groups %s", r.Payload)
	}
}
