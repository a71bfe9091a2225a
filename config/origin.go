package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

var originForm = regexp.MustCompile(`^[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?$`)

const originFix = "write one as http://localhost:3000, without a path; there is no * for all origins, as any page that a browser shows could read and write the tables then"

// PageOrigin returns the origin of web pages that a text names, as browsers send it in the
// header Origin: scheme://host:port, in lower case, without the port that the scheme has
// by default. The error says how origins are written.
func PageOrigin(text string) (string, error) {
	if !originForm.MatchString(text) {
		return "", fmt.Errorf("%q is no origin; %s", text, originFix)
	}
	for scheme, port := range map[string]string{"http://": ":80", "https://": ":443"} {
		if strings.HasPrefix(text, scheme) {
			text = strings.TrimSuffix(text, port)
		}
	}
	return text, nil
}

// cors reads the origins whose pages may call the node.
func (r *reader) cors(n ast.Node) {
	if n == nil {
		return
	}
	for _, e := range list(n) {
		text, ok := r.rawText(e, "an origin of cors")
		if !ok {
			continue
		}
		origin, err := PageOrigin(text)
		if err != nil {
			r.fault(e, quoted(text)+" is no origin", originFix)
			continue
		}
		r.file.CORS = append(r.file.CORS, origin)
	}
}
