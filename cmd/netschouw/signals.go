package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// echo is how soon after the first signal another one is taken for the same wish: a Ctrl-C goes to the whole group of
// processes, and sudo, timeout, make and our own demo pass on what they get, so that one wish arrives twice. Nobody presses
// twice as fast.
const echo = 250 * time.Millisecond

// listen turns Ctrl-C and SIGTERM into a wish to stop: the first closes stop, so that the hosts in hand are finished
// and results are written; the second cancels the context, so that the program ends now. SIGPIPE is ignored while we
// listen, so that a reader that goes away shows as an error of Write and the run can still keep its cursor.
func listen(parent context.Context) (ctx context.Context, stop <-chan struct{}, release func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	stopping := make(chan struct{})
	go func() {
		select {
		case <-signals:
			close(stopping)
		case <-ctx.Done():
			return
		}
		first := time.Now()
		for {
			select {
			case <-signals:
				if time.Since(first) >= echo {
					cancel()
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, stopping, func() {
		signal.Stop(signals)
		signal.Stop(pipe)
		cancel()
	}
}
