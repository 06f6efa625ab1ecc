package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// The exit statuses, as the contract of the command words them.
const (
	exitComplete = 0 // the tour is complete
	exitFailed   = 1 // it failed
	exitUsage    = 2 // bad usage, configuration or input; nothing was probed
	exitFound    = 3 // complete, and hosts at or above --fail-on were found
	exitStopped  = 4 // stopped early, resumable
)

// usageError is a command line that cannot be obeyed.
type usageError struct{ what, hint string }

func (e *usageError) Error() string { return e.what }
func (e *usageError) Hint() string  { return e.hint }

// usage returns a usageError.
func usage(hint, format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...), hint}
}

// inputError is anything that a person wrote for us to read, and that is not right: configuration, ranges, databases,
// rule packs, targets. It is found before the first packet.
type inputError struct {
	err  error
	hint string // "": the cause's own, if it has one
}

func (e *inputError) Error() string { return e.err.Error() }
func (e *inputError) Unwrap() error { return e.err }
func (e *inputError) Hint() string {
	if e.hint != "" {
		return e.hint
	}
	return hintOf(e.err)
}

// input marks an error as one of input; nil stays nil.
func input(err error) error {
	if err == nil {
		return nil
	}
	return &inputError{err: err}
}

// failure is an error with a remedy that is neither usage nor input.
type failure struct {
	err  error
	hint string
}

func (e *failure) Error() string { return e.err.Error() }
func (e *failure) Unwrap() error { return e.err }
func (e *failure) Hint() string  { return e.hint }

// The two ends of a tour that are no failure and yet have a status of their own.
var (
	errFound   = errors.New("hosts at or above --fail-on were found")
	errStopped = errors.New("stopped early")
)

// outcome is how a run of the command ends.
type outcome struct {
	status int
	quiet  bool // results say it already, or nobody is left to be told
}

// ends is the one table of exit statuses. The first line that fits decides: what was stopped is not complete, whatever
// it found.
var ends = []struct {
	why  string
	is   func(error) bool
	then outcome
}{
	{"no error", func(err error) bool { return err == nil }, outcome{exitComplete, false}},
	{"the reader of our output went away", isErr(syscall.EPIPE), outcome{exitStopped, true}},
	{"stopped early", isErr(errStopped), outcome{exitStopped, false}},
	{"hosts at or above --fail-on", isErr(errFound), outcome{exitFound, true}},
	{"bad usage", isType[*usageError](), outcome{exitUsage, false}},
	{"bad configuration or input", isType[*inputError](), outcome{exitUsage, false}},
	{"interrupted before the tour began", isErr(context.Canceled), outcome{exitStopped, true}},
	{"anything else", func(error) bool { return true }, outcome{exitFailed, false}},
}

func isErr(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func isType[E error]() func(error) bool {
	return func(err error) bool {
		var e E
		return errors.As(err, &e)
	}
}

// ending looks an error up in the table. What ran elsewhere has been told, and looked up, there.
func ending(err error) outcome {
	var there *errElsewhere
	if errors.As(err, &there) {
		return outcome{there.status, true}
	}
	for _, e := range ends {
		if e.is(err) {
			return e.then
		}
	}
	return outcome{exitFailed, false}
}

// hintOf is the remedy that an error, or one that it wraps, carries.
func hintOf(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}
