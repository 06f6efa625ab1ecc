//go:build !linux

package dial

import (
	"context"
	"net/netip"
)

func rawPermitted() error { return ErrRawUnsupported }

func reach(netip.Addr) (bool, error) { return false, ErrRawUnsupported }

func (s *SYN) discover(context.Context, Feed, func(Answer)) error { return ErrRawUnsupported }
