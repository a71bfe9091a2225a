package item

// Check refuses an item that no request could have: one with more than MaxDepth
// levels, or with a value that was never set, which could be stored but not read
// again. Items from the wire pass; those that programs and updates make may not.
// Errors: *Error.
func Check(m Map) error { return checkMap(m, 0) }

func checkMap(m Map, depth int) error {
	for _, f := range m {
		if err := f.Value.check(depth); err != nil {
			return err
		}
	}
	return nil
}

func (v Value) check(depth int) error {
	switch {
	case depth >= MaxDepth:
		return errDepth
	case v.kind == MapKind:
		return checkMap(v.m, depth+1)
	case v.kind == List:
		for _, e := range v.list {
			if err := e.check(depth + 1); err != nil {
				return err
			}
		}
	case v.IsZero():
		return errNoType
	}
	return nil
}

// MaxName is how many bytes the name of an attribute may have at most.
const MaxName = 65535

// CheckName refuses a name that no attribute can have, at the top level or in a
// map: an empty one, and one of more than MaxName bytes. Errors: *Error.
func CheckName(name string) error {
	switch {
	case name == "":
		return errNoName
	case len(name) > MaxName:
		return errLongName
	default:
		return nil
	}
}
