// Package hostile attacks what the product reads. FuzzX functions stand beside the
// parsers that they attack; this package runs them all for as long as asked, and
// holds those that need a whole node. It also sends hostile requests to the real
// binary. It holds tests only.
package hostile
