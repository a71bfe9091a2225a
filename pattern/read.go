package pattern

import (
	"bytes"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
)

// A scratch is the working memory for one event.
type scratch struct {
	set        *Set
	dec        *jsontext.Decoder
	in         bytes.Buffer
	name       []byte
	texts      []byte      // of the values
	values     []value     // in the order of the event
	nodeStates []nodeState // by node
	valued     []int32     // nodes with values
	visited    []int32     // nodes that were met

	elementID  int32        // serial number of the element that is read
	elementIDs int32        // how many there were
	frames     []arrayFrame // arrays around what is read
	elements   []element    // elements that hold values
	arrays     int32        // how many arrays hold values
	repeated   bool         // a path occurs twice in one element: the event repeats names

	traversal
}

// A value is a scalar of the event at a wanted node.
type value struct {
	scalar
	element int32 // index of the innermost array element that contains it; -1 for none
	next    int32 // index of the next value at the node; -1 for none
}

// A nodeState has the first and last value at a node, as indexes, and the element in
// which the node was visited last; -1 for none.
type nodeState struct{ first, last, elementID int32 }

// An arrayFrame is an array that is being read, and its current element, as
// indexes; -1 before they contain a value.
type arrayFrame struct{ array, element int32 }

// An element is an array element that contains values: its array, the element
// around that array (-1 for none), and whether it is the first of its array.
type element struct {
	array, parent int32
	first         bool
}

func newScratch() *scratch { return &scratch{dec: &jsontext.Decoder{}} }

// reset forgets the last event.
func (sc *scratch) reset(s *Set) {
	for _, n := range sc.visited {
		sc.nodeStates[n] = nodeState{-1, -1, -1}
	}
	for len(sc.nodeStates) < len(s.nodes) {
		sc.nodeStates = append(sc.nodeStates, nodeState{-1, -1, -1})
	}
	sc.set = s
	sc.texts, sc.values, sc.valued, sc.visited = sc.texts[:0], sc.values[:0], sc.valued[:0], sc.visited[:0]
	sc.frames, sc.elements = sc.frames[:0], sc.elements[:0]
	sc.elementID, sc.elementIDs, sc.arrays, sc.repeated = 0, 0, 0, false
	sc.traversal.reset(s)
}

// read reads an event along the tree of names and keeps the values of wanted nodes.
func (sc *scratch) read(event []byte) error {
	sc.in = *bytes.NewBuffer(event) // read in place
	sc.dec.Reset(&sc.in, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if k := sc.dec.PeekKind(); k != '{' {
		if err := sc.skip(); err != nil {
			return err
		}
		return errNotObject
	}
	if err := sc.value(0); err != nil {
		return err
	}
	if rest := event[sc.dec.InputOffset():]; len(bytes.TrimLeft(rest, " \t\r\n")) > 0 {
		return errTrailing
	}
	return nil
}

// visit notes that the node occurs in the current element. If it has occurred there
// before, the event repeats a name.
func (sc *scratch) visit(n int32) {
	at := &sc.nodeStates[n]
	if at.elementID == -1 {
		sc.visited = append(sc.visited, n)
	}
	sc.repeated = sc.repeated || at.elementID == sc.elementID
	at.elementID = sc.elementID
}

// value reads the next value, which is at the node.
func (sc *scratch) value(n int32) error {
	sc.visit(n)
	switch sc.dec.PeekKind() {
	case '{':
		return sc.object(n)
	case '[':
		return sc.array(n)
	}
	if !sc.set.nodes[n].wanted {
		return sc.skip()
	}
	raw, err := sc.dec.ReadValue()
	if err != nil {
		return err
	}
	sc.addValue(n, sc.scalar(raw))
	return nil
}

func (sc *scratch) object(n int32) error {
	if sc.set.nodes[n].children == nil {
		return sc.skip()
	}
	if _, err := sc.dec.ReadToken(); err != nil {
		return err
	}
	for sc.dec.PeekKind() != '}' {
		raw, err := sc.dec.ReadValue()
		if err != nil {
			return err
		}
		sc.name, _ = jsontext.AppendUnquote(sc.name[:0], raw) // the decoder has checked it
		if child := sc.find(n, view(sc.name)); child >= 0 {
			err = sc.value(child)
		} else {
			err = sc.skip()
		}
		if err != nil {
			return err
		}
	}
	_, err := sc.dec.ReadToken()
	return err
}

// skip reads a value that no pattern needs. ReadValue checks a value in
// half the time that SkipValue takes, and the event is in memory in any case.
func (sc *scratch) skip() error {
	_, err := sc.dec.ReadValue()
	return err
}

// find returns the child of a node with a name, which is several steps if the name
// has dots; -1 if no pattern has it.
func (sc *scratch) find(n int32, name string) int32 {
	for {
		first, rest, dotted := strings.Cut(name, ".")
		child, ok := sc.set.nodes[n].children[first]
		if !ok {
			return -1
		}
		if !dotted {
			return child
		}
		sc.visit(child)
		n, name = child, rest
	}
}

// array reads the elements of an array, all of which are values of the node.
func (sc *scratch) array(n int32) error {
	if nd := sc.set.nodes[n]; !nd.wanted && nd.children == nil {
		return sc.skip()
	}
	if _, err := sc.dec.ReadToken(); err != nil {
		return err
	}
	outer := sc.elementID
	sc.frames = append(sc.frames, arrayFrame{-1, -1})
	for sc.dec.PeekKind() != ']' {
		sc.elementIDs++
		sc.elementID = sc.elementIDs
		if err := sc.value(n); err != nil {
			return err
		}
		sc.frames[len(sc.frames)-1].element = -1
	}
	sc.frames = sc.frames[:len(sc.frames)-1]
	sc.elementID = outer
	sc.nodeStates[n].elementID = outer // its elements have changed it
	_, err := sc.dec.ReadToken()
	return err
}

// currentElement returns the index of the innermost element around what is read,
// adding it and those around it if it is the first value in them; -1 for none.
func (sc *scratch) currentElement() int32 {
	i := len(sc.frames)
	for i > 0 && sc.frames[i-1].element < 0 {
		i--
	}
	parent := int32(-1)
	if i > 0 {
		parent = sc.frames[i-1].element
	}
	for ; i < len(sc.frames); i++ {
		l := &sc.frames[i]
		first := l.array < 0
		if first {
			l.array = sc.arrays
			sc.arrays++
		}
		l.element = int32(len(sc.elements))
		sc.elements = append(sc.elements, element{l.array, parent, first})
		parent = l.element
	}
	return parent
}

// addValue adds a value to a node.
func (sc *scratch) addValue(n int32, v scalar) {
	id := int32(len(sc.values))
	sc.values = append(sc.values, value{v, sc.currentElement(), -1})
	at := &sc.nodeStates[n]
	if at.first < 0 {
		at.first = id
		sc.valued = append(sc.valued, n)
	} else {
		sc.values[at.last].next = id
	}
	at.last = id
}

// scalar reads a scalar, whose text it appends to sc.texts.
func (sc *scratch) scalar(raw jsontext.Value) scalar {
	start := len(sc.texts)
	switch k := byte(raw.Kind()); k {
	case '"':
		sc.texts, _ = jsontext.AppendUnquote(sc.texts, raw) // the decoder has checked it
	case '0':
		sc.texts = appendCanonical(sc.texts, view(raw))
	default:
		return scalar{kind: k}
	}
	return scalar{byte(raw.Kind()), view(sc.texts[start:])}
}

// fold maps each letter of s as the function fold does.
func (sc *scratch) fold(s string) string {
	start := len(sc.texts)
	for _, r := range s {
		sc.texts = utf8.AppendRune(sc.texts, foldRune(r))
	}
	folded := view(sc.texts[start:])
	sc.texts = sc.texts[:start]
	return folded
}

// view returns bytes as a string without copying them; they must not change
// while it is used.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}
