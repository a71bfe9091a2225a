package config

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/scanner"
	"github.com/goccy/go-yaml/token"
)

// Bounds of a text before the YAML parser sees it: what the parser takes grows with
// the square of the depth, of the keys of one mapping and of the documents.
const (
	maxTokens    = 200_000
	maxKeys      = 10_000
	maxDocuments = 100
)

// readFile returns the text of a file, and of one that is larger than maxBytes the
// first maxBytes+1.
func readFile(path string) ([]byte, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, maxBytes+1))
}

// readYAML parses the text of a file; path stands in faults. The text is within
// maxBytes. Errors are of type Faults.
func readYAML(path string, src []byte) (*ast.File, error) {
	tokens, fault := tokenize(string(bytes.TrimPrefix(src, []byte("\ufeff"))))
	if fault != nil {
		fault.Path = path
		return nil, Faults{*fault}
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, syntax(path, err)
	}
	return tree, nil
}

// tokenize divides a text into tokens, and stops at the first bound that they pass.
func tokenize(text string) (tokens token.Tokens, fault *Fault) {
	var s scanner.Scanner
	s.Init(text)
	var n nesting
	for {
		more, err := s.Scan()
		if errors.Is(err, io.EOF) {
			return tokens, nil
		}
		tokens.Add(more...) // what is no token is one of the kind invalid, which the parser reports
		for _, t := range more {
			if msg, fix := n.add(t); msg != "" {
				return nil, &Fault{Line: t.Position.Line, Column: t.Position.Column, Msg: msg, Fix: fix}
			}
		}
		if len(tokens) > maxTokens {
			at := tokens[len(tokens)-1].Position
			return nil, &Fault{Line: at.Line, Column: at.Column, Msg: "the file has more than " + strconv.Itoa(maxTokens) + " words and signs", Fix: "move data out of it"}
		}
	}
}

// A nesting follows how deep the tokens of a text nest.
type nesting struct {
	flow      int     // brackets that are open
	blocks    []block // that are open, by their columns
	line      int     // of the token before
	documents int
}

// A block is a mapping or sequence that its column marks.
type block struct{ column, keys int }

// add takes the next token, and returns what bound it passes and what to do.
func (n *nesting) add(t *token.Token) (msg, fix string) {
	first := t.Position.Line != n.line
	n.line = t.Position.Line
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		n.flow++
	case token.SequenceEndType, token.MappingEndType:
		n.flow = max(n.flow-1, 0)
	case token.DocumentHeaderType, token.DocumentEndType:
		n.flow, n.blocks = 0, n.blocks[:0]
		n.documents++
	case token.CommentType:
	default:
		if entry := t.Type == token.SequenceEntryType; n.flow == 0 && (entry || first) {
			n.open(t.Position.Column, !entry)
		}
	}
	switch {
	case n.flow+len(n.blocks) > maxDepth+1:
		return "values are nested more than " + strconv.Itoa(maxDepth) + " deep", "make them flatter"
	case len(n.blocks) > 0 && n.blocks[len(n.blocks)-1].keys > maxKeys:
		return "a mapping has more than " + strconv.Itoa(maxKeys) + " keys", "move data out of the file"
	case n.documents > maxDocuments:
		return "the text has more than " + strconv.Itoa(maxDocuments) + " lines --- and ...", "keep one document, without them"
	}
	return "", ""
}

// open ends the blocks to the right of a column, and begins one there unless it
// goes on.
func (n *nesting) open(column int, key bool) {
	i := len(n.blocks)
	for i > 0 && n.blocks[i-1].column > column {
		i--
	}
	n.blocks = n.blocks[:i]
	if i == 0 || n.blocks[i-1].column < column {
		n.blocks = append(n.blocks, block{column: column})
		i++
	}
	if key {
		n.blocks[i-1].keys++
	}
}

// syntax reports text that is not YAML.
func syntax(path string, err error) error {
	fault := Fault{Path: path, Line: 1, Column: 1, Fix: "quote text that holds : # { } [ ] , & * or begins with - or @"}
	var at yaml.Error
	if !errors.As(err, &at) {
		first, _, _ := strings.Cut(err.Error(), "\n")
		fault.Msg = "not valid YAML: " + first
		return Faults{fault}
	}
	if tok := at.GetToken(); tok != nil {
		fault.Line, fault.Column = tok.Position.Line, tok.Position.Column
	}
	fault.Msg = "not valid YAML: " + at.GetMessage()
	return Faults{fault}
}
