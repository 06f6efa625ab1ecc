//go:build !linux

package dial

import "context"

func (e *Engine) discover(ctx context.Context, feed Feed, found func(Answer)) error {
	return e.discoverPortably(ctx, feed, found)
}
