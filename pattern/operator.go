package pattern

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// operator reads {"name": operand}, whose '{' was read.
func (c *compiler) operator() (test, error) {
	if c.dec.PeekKind() == '}' {
		return test{}, c.fail("Match expression name not found")
	}
	name, err := c.next()
	if err != nil {
		return test{}, err
	}
	t, err := c.operand(name.String())
	if err != nil {
		return test{}, err
	}
	if c.dec.PeekKind() == '"' {
		_, _ = c.next() // its kind was seen
		return test{}, c.fail("Only one key allowed in match expression")
	}
	_, err = c.next()
	return t, err
}

func (c *compiler) operand(name string) (test, error) {
	switch name {
	case "exactly":
		s, err := c.text(name)
		return test{op: opExact, value: scalar{'"', s}}, err
	case "prefix", "suffix":
		return c.affix(name, false)
	case "equals-ignore-case":
		s, err := c.text(name)
		return test{op: opFold, text: fold(s)}, err
	case "wildcard":
		if c.dialect == Filter {
			return test{}, c.fail("Unrecognized match type " + name)
		}
		s, err := c.text(name)
		if err != nil {
			return test{}, err
		}
		return c.wildcard(s)
	case "exists":
		tok, err := c.next()
		if err != nil {
			return test{}, err
		}
		switch tok.Kind() {
		case 't':
			return test{op: opPresent}, nil
		case 'f':
			return test{op: opAbsent}, nil
		}
		return test{}, c.fail("exists match pattern must be either true or false.")
	case "numeric":
		return c.numeric()
	case "cidr":
		return c.cidr()
	case "anything-but":
		return c.anythingBut()
	default:
		return test{}, c.fail("Unrecognized match type " + name)
	}
}

// text reads the operand of an operator that takes a string.
func (c *compiler) text(name string) (string, error) {
	tok, err := c.next()
	if err != nil {
		return "", err
	}
	if tok.Kind() != '"' {
		return "", c.fail(name + " match pattern must be a string")
	}
	return tok.String(), nil
}

// affix reads the operand of prefix or suffix: a string, or an object that
// asks for ignoring the case.
func (c *compiler) affix(name string, nonEmpty bool) (test, error) {
	op, foldOp := opPrefix, opPrefixFold
	if name == "suffix" {
		op, foldOp = opSuffix, opSuffixFold
	}
	if c.dec.PeekKind() != '{' {
		s, err := c.text(name)
		if err == nil && nonEmpty && s == "" {
			err = c.fail("Null prefix/suffix not allowed")
		}
		return test{op: op, text: s}, err
	}
	_, _ = c.next() // its kind was seen
	inner, err := c.next()
	if err != nil {
		return test{}, err
	}
	if inner.Kind() != '"' || inner.String() != "equals-ignore-case" {
		return test{}, c.fail("Unsupported " + name + " pattern: " + inner.String())
	}
	s, err := c.text("equals-ignore-case")
	if err != nil {
		return test{}, err
	}
	_, err = c.next()
	return test{op: foldOp, text: fold(s)}, err
}

// wildcard checks the escapes of a wildcard and cuts it at its asterisks.
func (c *compiler) wildcard(s string) (test, error) {
	parts := []string{""}
	add := func(b byte) { parts[len(parts)-1] += string(rune(b)) }
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '*' && i > 0 && s[i-1] == '*' && parts[len(parts)-1] == "":
			return test{}, c.failPlain("Consecutive wildcard characters at pos " + strconv.Itoa(i+1))
		case s[i] == '*':
			parts = append(parts, "")
		case s[i] == '\\':
			if i+1 == len(s) || s[i+1] != '*' && s[i+1] != '\\' {
				return test{}, c.failPlain("Invalid escape character at pos " + strconv.Itoa(i+1))
			}
			i++
			add(s[i])
		default:
			parts[len(parts)-1] += s[i : i+1]
		}
	}
	return test{op: opWildcard, parts: parts, text: s}, nil
}

// numeric reads ["op", number] or ["op", number, "op", number].
func (c *compiler) numeric() (test, error) {
	tok, err := c.next()
	if err != nil {
		return test{}, err
	}
	if tok.Kind() != '[' {
		return test{}, c.fail("Value of numeric must be an array.")
	}
	t := test{op: opNumeric}
	for n := range 2 {
		if n > 0 && (t.equal || c.dec.PeekKind() == ']') {
			break
		}
		if err := c.bound(&t, n); err != nil {
			return test{}, err
		}
	}
	if c.dec.PeekKind() != ']' {
		_, _ = c.next() // its kind was seen
		if t.equal {
			return test{}, c.fail("Too many elements in numeric expression")
		}
		return test{}, c.fail("Too many terms in numeric range expression")
	}
	if _, err := c.next(); err != nil {
		return test{}, err
	}
	if t.low.set && t.high.set && !t.equal && t.low.at >= t.high.at {
		return test{}, c.fail("Bottom must be less than top")
	}
	return t, nil
}

// bound reads one operator and its number.
func (c *compiler) bound(t *test, n int) error {
	tok, err := c.next()
	if err != nil {
		return err
	}
	if tok.Kind() != '"' {
		return c.fail("Invalid member in numeric match: " + tok.String())
	}
	op := tok.String()
	if !slices.Contains([]string{"=", "<", "<=", ">", ">="}, op) {
		return c.fail("Unrecognized numeric range operator: " + op)
	}
	if n == 1 && (op[0] != '<' || t.high.set) {
		return c.fail("Bad numeric range operator: " + op)
	}
	if tok, err = c.next(); err != nil {
		return err
	}
	if tok.Kind() != '0' {
		name := op
		if op == "=" {
			name = "equals"
		}
		return c.fail("Value of " + name + " must be numeric")
	}
	f, ok := comparableNumber(canonical(tok.String()))
	if !ok {
		return c.fail("Cannot compare number : " + tok.String())
	}
	limit := limit{set: true, at: f, closed: len(op) == 2 || op == "="}
	if op[0] != '>' {
		t.high = limit
	}
	if op[0] != '<' {
		t.low = limit
	}
	t.equal = op == "="
	return nil
}

// cidr reads an address block.
func (c *compiler) cidr() (test, error) {
	tok, err := c.next()
	if err != nil {
		return test{}, err
	}
	if tok.Kind() != '"' {
		return test{}, c.fail("prefix match pattern must be a string")
	}
	ip, bits, ok := strings.Cut(tok.String(), "/")
	if !ok || strings.Contains(bits, "/") {
		return test{}, c.failPlain("Malformed CIDR, one '/' required")
	}
	n, err := strconv.Atoi(bits)
	if err != nil {
		return test{}, c.failPlain("Malformed CIDR, mask bits must be an integer")
	}
	if n < 0 {
		return test{}, c.failPlain("Malformed CIDR, mask bits must not be negative")
	}
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Zone() != "" {
		return test{}, c.failPlain("Nonstandard IP address: " + ip)
	}
	addr = addr.Unmap()
	if addr.Is4() && n >= 32 {
		return test{}, c.failPlain("IPv4 mask bits must be < 32")
	}
	if n >= 128 {
		return test{}, c.failPlain("IPv6 mask bits must be < 128")
	}
	prefix, err := addr.Prefix(n)
	if err != nil {
		return test{}, c.failPlain("Nonstandard IP address: " + ip)
	}
	return test{op: opCIDR, block: prefix}, nil
}

// anythingBut reads what anything-but excludes: a scalar, a list, or a nested
// operator with a string or a list of strings.
func (c *compiler) anythingBut() (test, error) {
	switch c.dec.PeekKind() {
	case '{':
		_, _ = c.next() // its kind was seen
		if c.dialect == Filter {
			return test{}, c.fail("Value of anything-but must be an array or single string/number value.")
		}
		return c.anythingButNested()
	case '[':
		_, _ = c.next() // its kind was seen
		return c.anythingButList()
	case '"', '0':
		tok, err := c.next()
		return test{op: opNot, not: []test{{op: opExact, value: scalarOf(tok)}}}, err
	default:
		if _, err := c.next(); err != nil {
			return test{}, err
		}
		return test{}, c.fail("Value of anything-but must be an array or single string/number value.")
	}
}

func (c *compiler) anythingButList() (test, error) {
	t := test{op: opNot}
	for c.dec.PeekKind() != ']' {
		tok, err := c.next()
		if err != nil {
			return test{}, err
		}
		if k := tok.Kind(); k != '"' && k != '0' {
			return test{}, c.fail("Inside anything but list, start|null|boolean is not supported.")
		}
		v := scalarOf(tok)
		if len(t.not) > 0 && t.not[0].value.kind != v.kind {
			return test{}, c.fail("Inside anything but list, either all values are number or string, mixed type is not supported")
		}
		t.not = append(t.not, test{op: opExact, value: v})
	}
	if _, err := c.next(); err != nil {
		return test{}, err
	}
	if len(t.not) == 0 {
		return test{}, c.fail("Empty arrays are not allowed")
	}
	return t, nil
}

// anythingButNested reads {"prefix": …} and its like, whose '{' was read.
func (c *compiler) anythingButNested() (test, error) {
	if c.dec.PeekKind() == '}' {
		return test{}, c.fail("Anything-But expression name not found")
	}
	name, err := c.next()
	if err != nil {
		return test{}, err
	}
	op := name.String()
	if !slices.Contains([]string{"prefix", "suffix", "equals-ignore-case", "wildcard"}, op) {
		return test{}, c.fail("Unsupported anything-but pattern: " + op)
	}
	t := test{op: opNot}
	list := c.dec.PeekKind() == '['
	if list {
		_, _ = c.next() // its kind was seen
	}
	for !list || c.dec.PeekKind() != ']' {
		one, err := c.excluded(op, list)
		if err != nil {
			return test{}, err
		}
		t.not = append(t.not, one)
		if !list {
			break
		}
	}
	if list {
		_, _ = c.next() // its kind was seen
		if len(t.not) == 0 {
			return test{}, c.fail("Empty arrays are not allowed")
		}
	}
	if c.dec.PeekKind() == '"' {
		_, _ = c.next() // its kind was seen
		return test{}, c.fail("Only one key allowed in match expression")
	}
	_, err = c.next()
	return t, err
}

// excluded reads one string of a nested anything-but.
func (c *compiler) excluded(op string, list bool) (test, error) {
	if c.dec.PeekKind() != '"' {
		if _, err := c.next(); err != nil {
			return test{}, err
		}
		switch {
		case list:
			return test{}, c.fail("Inside anything-but/" + op + " list, number|start|null|boolean is not supported.")
		case op == "prefix" || op == "suffix":
			return test{}, c.fail("prefix/suffix match pattern must be a string")
		default:
			return test{}, c.fail(op + " match pattern must be a string")
		}
	}
	switch op {
	case "prefix", "suffix":
		return c.affix(op, true)
	default:
		return c.operand(op)
	}
}
