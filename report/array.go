package report

import "io"

// array writes the elements of a JSON array one by one, each whole and on a line of its own, within whatever text comes
// before and after it. Nothing is held back.
type array struct {
	w     io.Writer
	head  string // text up to and including the opening bracket; "[" when empty
	count int
}

// add writes one more element.
func (a *array) add(v any) error {
	text, err := encode(v)
	if err != nil {
		return err
	}
	_, err = a.w.Write(append(a.separator(), text...))
	a.count++
	return err
}

func (a *array) separator() []byte {
	if a.count > 0 {
		return []byte(",\n")
	}
	if a.head == "" {
		return []byte("[\n")
	}
	return []byte(a.head + "\n")
}

// end writes what comes after the last element. An array without elements is written in one piece.
func (a *array) end(head, tail string) error {
	if a.count > 0 {
		head = "\n"
	}
	_, err := a.w.Write([]byte(head + tail))
	return err
}
