package config

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Item is a text and where it was written.
type Item struct{ Text, At string }

// value is how the loader reaches a field of Config: it reads texts into it, and shows it.
type value interface {
	set([]Item) error // an error is an *Error without Key; At is filled in when one item is at fault
	show() []string
}

// one is a field with exactly one value.
type one[T any] struct {
	field *T
	parse func(string) (T, error)
	text  func(T) string
}

func (o one[T]) set(items []Item) error {
	if len(items) != 1 {
		return fault("write one value", "%d values were given for one", len(items))
	}
	v, err := o.parse(items[0].Text)
	if err != nil {
		return blame(err, items[0])
	}
	*o.field = v
	return nil
}

func (o one[T]) show() []string { return []string{o.text(*o.field)} }

// many is a field with a list of values.
type many[T any] struct {
	field *[]T
	parse func(Item) (T, error)
	text  func(T) string
	adds  bool // values of several sources add up, instead of the first source's replacing the others'
}

func (m many[T]) set(items []Item) error {
	list := make([]T, 0, len(items))
	for _, it := range items {
		v, err := m.parse(it)
		if err != nil {
			return blame(err, it)
		}
		list = append(list, v)
	}
	if m.adds {
		list = slices.Concat(*m.field, list)
	}
	*m.field = list
	return nil
}

func (m many[T]) show() []string {
	out := make([]string, len(*m.field))
	for i, v := range *m.field {
		out[i] = m.text(v)
	}
	return out
}

// portsValue is the ports key: a list to its writer, one value to the sweep.
type portsValue struct{ field *Ports }

func (p portsValue) set(items []Item) error {
	words := make([]string, len(items))
	for i, it := range items {
		words[i] = it.Text
		if _, err := parsePort(it.Text); err != nil {
			return blame(err, it)
		}
	}
	ports, err := ParsePorts(words)
	if err != nil {
		return err
	}
	*p.field = ports
	return nil
}

func (p portsValue) show() []string { return slices.Clone(p.field.words) }

// blame fills in which item an error is about.
func blame(err error, it Item) error {
	var e *Error
	if !errors.As(err, &e) {
		e = fault("", "%v", err)
	}
	if e.At == "" {
		e.At = it.At
	}
	return e
}

func same(s string) string { return s }

func text(f *string) value {
	return one[string]{f, func(s string) (string, error) { return s, nil }, same}
}

func choice(f *string, allowed ...string) value {
	return one[string]{f, func(s string) (string, error) {
		if !slices.Contains(allowed, s) {
			return "", fault(didYouMean(s, allowed), "%q is not known here", s)
		}
		return s, nil
	}, same}
}

func texts(f *[]string) value {
	return many[string]{f, filled, same, false}
}

// moreTexts is texts whose sources add up.
func moreTexts(f *[]string) value {
	return many[string]{f, filled, same, true}
}

func filled(it Item) (string, error) {
	if it.Text == "" {
		return "", fault("remove it", "an entry is empty")
	}
	return it.Text, nil
}

func items(f *[]Item) value {
	return many[Item]{f, func(it Item) (Item, error) { return it, nil }, func(it Item) string { return it.Text }, false}
}

// moreItems is items whose sources add up.
func moreItems(f *[]Item) value {
	return many[Item]{f, func(it Item) (Item, error) { return it, nil }, func(it Item) string { return it.Text }, true}
}

func asns(f *[]uint32) value {
	return many[uint32]{f, func(it Item) (uint32, error) {
		n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(it.Text), "AS"), 10, 32)
		if err != nil || n == 0 {
			return 0, fault("write a number from 1 to 4294967295, such as 64500", "%q is not an autonomous system number", it.Text)
		}
		return uint32(n), nil
	}, func(n uint32) string { return strconv.FormatUint(uint64(n), 10) }, false}
}

// canaries are addresses, each with a port or without.
func canaries(f *[]netip.AddrPort) value {
	return many[netip.AddrPort]{f, func(it Item) (netip.AddrPort, error) {
		if a, err := netip.ParseAddr(it.Text); err == nil && a.Zone() == "" {
			return netip.AddrPortFrom(a.Unmap(), 0), nil
		}
		a, err := netip.ParseAddrPort(it.Text)
		if err != nil || a.Port() == 0 || a.Addr().Zone() != "" {
			return a, fault(`write an address, or an address and a port, such as 198.51.100.1:443 or "[2001:db8::1]:443"`, "%q is no canary", it.Text)
		}
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()), nil
	}, func(a netip.AddrPort) string {
		if a.Port() == 0 {
			return a.Addr().String()
		}
		return a.String()
	}, false}
}

func rate(f *Rate) value         { return one[Rate]{f, ParseRate, Rate.String} }
func duration(f *Duration) value { return one[Duration]{f, ParseDuration, Duration.String} }

func boolean(f *bool) value {
	return one[bool]{f, func(s string) (bool, error) {
		switch s {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
		return false, fault("write true or false", "%q is neither true nor false", s)
	}, strconv.FormatBool}
}

func whole(f *int, low, high int) value {
	return one[int]{f, func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < low || n > high {
			return 0, fault("write a whole number from "+strconv.Itoa(low)+" to "+strconv.Itoa(high), "%q is out of bounds", s)
		}
		return n, nil
	}, strconv.Itoa}
}

func seed(f *uint64) value {
	return one[uint64]{f, func(s string) (uint64, error) {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return 0, fault("write a whole number from 0 to 18446744073709551615; 0 means a random one", "%q is not a seed", s)
		}
		return n, nil
	}, func(n uint64) string { return strconv.FormatUint(n, 10) }}
}

func probability(f *float64) value {
	return one[float64]{f, func(s string) (float64, error) {
		p, err := strconv.ParseFloat(s, 64)
		if err != nil || !(p > 0 && p < 1) {
			return 0, fault("write a number above 0 and below 1, such as 0.0001", "%q is not a probability", s)
		}
		return p, nil
	}, func(p float64) string { return strconv.FormatFloat(p, 'g', -1, 64) }}
}
