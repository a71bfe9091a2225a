package awsjson

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A credential is what an Authorization header says.
type credential struct {
	keyID, day, region, service, term string
	signed                            []string // names of the signed headers
	signature                         string
	date                              string // of X-Amz-Date
}

// parseAuthorization reads the one Authorization header of a request.
func parseAuthorization(r *http.Request) (*credential, error) {
	values := r.Header["Authorization"]
	if strings.Contains(r.URL.RawQuery, "X-Amz-Algorithm") && len(values) > 0 {
		return nil, errInvalid("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
	}
	if len(values) != 1 || !strings.HasPrefix(values[0], "AWS4-") {
		return nil, errMissing
	}
	name, rest, _ := strings.Cut(values[0], " ")
	params := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		if k, v, ok := strings.Cut(strings.TrimSpace(part), "="); ok {
			params[k] = v
		}
	}
	c := &credential{signature: params["Signature"], date: oneHeader(r, "X-Amz-Date")}
	if err := c.complete(params, values[0]); err != nil {
		return nil, err
	}
	if name != algorithm {
		return nil, errIncomplete("Unsupported AWS 'algorithm': '" + name + "' (only " + algorithm + " for now). ")
	}
	c.signed = strings.Split(params["SignedHeaders"], ";")
	return c, c.scope(params["Credential"])
}

// complete names all that is missing.
func (c *credential) complete(params map[string]string, header string) error {
	var missing strings.Builder
	for _, p := range []string{"Credential", "Signature", "SignedHeaders"} {
		if params[p] == "" {
			missing.WriteString("Authorization header requires '" + p + "' parameter. ")
		}
	}
	if c.date == "" {
		missing.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	if missing.Len() == 0 {
		return nil
	}
	return errIncomplete(missing.String() + "Authorization=" + header)
}

// scope reads keyid/date/region/service/term.
func (c *credential) scope(text string) error {
	parts := strings.Split(text, "/")
	if len(parts) != 5 {
		return errIncomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" + text + "'")
	}
	c.keyID, c.day, c.region, c.service, c.term = parts[0], parts[1], parts[2], parts[3], parts[4]
	return nil
}

// checkHeaders checks that the signature covers what decides over a request.
func (c *credential) checkHeaders(r *http.Request, rest bool) error {
	for _, name := range mustSign(r, rest) {
		if !slices.Contains(c.signed, name) {
			return errInvalid("'" + http.CanonicalHeaderKey(name) + "' must be a 'SignedHeader' in the AWS Authorization.")
		}
	}
	if r.URL.RawQuery != "" && !rest {
		return errInvalid("A query string is not expected in this request.")
	}
	switch hash := r.Header["X-Amz-Content-Sha256"]; {
	case len(hash) > 1:
		return errInvalid("X-Amz-Content-Sha256 was given more than once.")
	case len(hash) == 1 && !isHash(hash[0]):
		return errInvalid("The payload must be signed: X-Amz-Content-Sha256 '" + hash[0] + "' is not accepted.")
	default:
		return nil
	}
}

// canonical returns the canonical form of the request, for the headers that the
// client says it signed and the body as it came.
func (c *credential) canonical(r *http.Request, body []byte) []byte {
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if given := oneHeader(r, "X-Amz-Content-Sha256"); given != "" && given != hash {
		hash += " differs from X-Amz-Content-Sha256" // no signature is right
	}
	b := make([]byte, 0, 512)
	b = append(b, r.Method...)
	b = append(b, '\n')
	b = append(b, canonicalPath(r.URL.EscapedPath())...)
	b = append(b, '\n')
	b = append(b, canonicalQuery(r.URL.Query())...)
	b = append(b, '\n')
	for _, name := range c.signed {
		b = append(b, name...)
		b = append(b, ':')
		b = append(b, headerValue(r, name)...)
		b = append(b, '\n')
	}
	b = append(b, '\n')
	b = append(b, strings.Join(c.signed, ";")...)
	b = append(b, '\n')
	return append(b, hash...)
}

// canonicalPath escapes a path as it was sent once more, as all services but S3
// have it signed.
func canonicalPath(sent string) string {
	parts := strings.Split(sent, "/")
	for i, part := range parts {
		parts[i] = escape(part)
	}
	return strings.Join(parts, "/")
}

// canonicalQuery returns the parameters in order of their names and values.
func canonicalQuery(query url.Values) string {
	var out []string
	for name, values := range query {
		for _, v := range values {
			out = append(out, escape(name)+"="+escape(v))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "&")
}

// escape escapes all but letters, digits and -._~.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// headerValue returns a header as it is signed: several values joined by
// commas, runs of spaces as one.
func headerValue(r *http.Request, name string) string {
	if name == "host" {
		return r.Host
	}
	values := r.Header[http.CanonicalHeaderKey(name)]
	if name == "content-length" && len(values) == 0 {
		return strconv.FormatInt(r.ContentLength, 10)
	}
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(out, ",")
}

// oneHeader returns the value of a header that came once, or "".
func oneHeader(r *http.Request, name string) string {
	if values := r.Header[name]; len(values) == 1 {
		return values[0]
	}
	return ""
}

// isHash reports whether s is a SHA-256 in hexadecimal.
func isHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == sha256.Size
}
