package table

import (
	"bytes"

	"github.com/tablecast/tablecast/item"
	"github.com/tablecast/tablecast/kv"
)

// An image is an item together with its size and its binary form. The row, the
// entries of indexes that project all attributes, and the change record of one
// write hold the same image, so it is encoded once for all of them.
type image struct {
	item   item.Item // nil: there is no item
	size   int       // as item.Size counts it
	binary []byte    // nil until encode is called
}

func newImage(it item.Item) image { return image{item: it, size: item.Size(it)} }

// encode returns the binary form of the item, which the first call makes.
func (i *image) encode() []byte {
	if i.binary == nil {
		// A name and a value have a length and a kind beside their bytes.
		i.binary = item.AppendBinary(make([]byte, 0, i.size+4*len(i.item)+16), i.item)
	}
	return i.binary
}

// readImage returns the image stored under key, or the zero image. It keeps the
// binary form if the caller asks for that.
func readImage(r kv.Reader, key []byte, keepBinary bool) (image, error) {
	var out image
	err := r.View(key, func(v []byte) error {
		it, err := item.DecodeBinary(v)
		if err != nil {
			return err
		}
		out = newImage(it)
		if keepBinary {
			out.binary = bytes.Clone(v)
		}
		return nil
	})
	if isNotFound(err) {
		return image{}, nil
	}
	return out, err
}

// readItem returns the item stored under key, or nil.
func readItem(r kv.Reader, key []byte) (item.Item, error) {
	var out item.Item
	err := r.View(key, func(v []byte) (err error) {
		out, err = item.DecodeBinary(v)
		return err
	})
	if isNotFound(err) {
		return nil, nil
	}
	return out, err
}
