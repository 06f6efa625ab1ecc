package probe

// Redis is what a Redis server answers to PING.
type Redis struct {
	Reply  string `json:"reply" expr:"reply"`   // first line, at most 256 bytes
	Access string `json:"access" expr:"access"` // "open" (+PONG), "auth" (-NOAUTH), "protected" (-DENIED), "other"
}

func newRedis() Details { return new(Redis) }

// Protocol implements Details.
func (*Redis) Protocol() string { return "redis" }

// Names implements Details.
func (d *Redis) Names() []Name { return nil }

// Summary implements Details.
func (d *Redis) Summary() string { return d.Reply }

func isRedis(first []byte) bool { return false }

func askRedis(s *Session) (Details, error) { return nil, nil }
