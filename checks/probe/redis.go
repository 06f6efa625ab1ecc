package probe

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Redis is what a Redis server answers to PING.
type Redis struct {
	Reply  string `json:"reply" expr:"reply"`   // first line, at most 256 bytes
	Access string `json:"access" expr:"access"` // "open" (+PONG), "auth" (-NOAUTH), "protected" (-DENIED), "other"
}

func newRedis() Details { return new(Redis) }

// Protocol implements Details.
func (*Redis) Protocol() string { return "redis" }

// Names implements Details: Redis names nobody.
func (d *Redis) Names() []Name { return nil }

// Summary implements Details.
func (d *Redis) Summary() string { return d.Reply }

const (
	redisLine  = 2048 // octets of a reply's first line: the text of -DENIED is near 900
	redisReply = 256  // bytes kept of it
)

// redisReplies are the beginnings of what a Redis server answers to PING, or to a question in another protocol, with
// what each says of access. A bare -ERR could be POP3's, so that more of the line is asked for.
var redisReplies = [...]struct{ start, access string }{
	{"+PONG", "open"},
	{"-NOAUTH ", "auth"},
	{"-ERR operation not permitted", "auth"}, // before 2.8
	{"-DENIED ", "protected"},
	{"-NOPERM ", "auth"},
	{"-LOADING ", "other"},
	{"-MASTERDOWN ", "other"},
	{"-BUSY ", "other"},
	{"-ERR wrong number of arguments for ", "other"},
	{"-ERR unknown command '", "other"},
	{"-ERR unknown command `", "other"},
	{"-ERR Protocol error", "other"},
	{"-ERR max number of clients", "other"},
}

// redisAccess tells what a reply says of access; ok is false when it is not a reply of Redis.
func redisAccess(reply []byte) (access string, ok bool) {
	for _, r := range redisReplies {
		if bytes.HasPrefix(reply, []byte(r.start)) {
			return r.access, true
		}
	}
	return "", false
}

// isRedis recognises the answer to PING and to a question in another protocol.
func isRedis(first []byte) bool {
	_, ok := redisAccess(first)
	return ok
}

// parseRedis makes details of the first line of an answer to PING.
func parseRedis(line string) (*Redis, error) {
	access, ok := redisAccess([]byte(line))
	if !ok {
		return nil, fmt.Errorf("%q is no answer to PING: %w", clip(line, 40), ErrMalformed)
	}
	return &Redis{Reply: clip(strings.TrimRight(line, "\r"), redisReply), Access: access}, nil
}

// askRedis sends PING, which any client may, logged in or not, and reads one line. A server in protected mode answers
// and closes before it is asked, so that a failed write says nothing yet.
func askRedis(s *Session) (Details, error) {
	writeErr := s.say("PING")
	line, err := s.ReadLine(redisLine)
	if err != nil {
		err = fmt.Errorf("answer to PING: %w", errors.Join(err, writeErr))
	}
	d, bad := parseRedis(line)
	switch {
	case bad == nil:
		return d, err
	case err != nil:
		return nil, err
	}
	return nil, bad
}
