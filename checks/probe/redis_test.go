package probe

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRedis(t *testing.T) {
	for reply, want := range map[string]*Redis{
		"+PONG\r\n":                            {"+PONG", "open"},
		"-NOAUTH Authentication required.\r\n": {"-NOAUTH Authentication required.", "auth"},
		"-ERR operation not permitted\r\n":     {"-ERR operation not permitted", "auth"},
		"-NOPERM this user has no permissions to run the 'ping' command\r\n": {"-NOPERM this user has no permissions to run the 'ping' command", "auth"},
		"-ERR unknown command 'PING'\r\n":                                    {"-ERR unknown command 'PING'", "other"},
		"-LOADING Redis is loading the dataset in memory\r\n":                {"-LOADING Redis is loading the dataset in memory", "other"},
		"-DENIED " + strings.Repeat("\x1b[2J", 200) + "\r\n":                 {("-DENIED " + strings.Repeat("\x1b[2J", 200))[:redisReply], "protected"},
		"-ERR Unknown command.\r\n":                                          nil, // POP3
		"+OK\r\n":                                                            nil,
		"HTTP/1.1 400 Bad Request\r\n":                                       nil,
		"$4\r\nPONG\r\n":                                                     nil,
	} {
		p := &script{answers: map[string]string{"PING\r\n": reply}}
		_, d, heard, err := p.ask(t, Options{}, askRedis)
		require.Equal(t, []string{"PING\r\n"}, heard)
		if want == nil {
			require.Nil(t, d, reply)
			require.ErrorIs(t, err, ErrMalformed)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, want, d)
		require.Empty(t, d.Names())
	}
}

// A server in protected mode speaks first and closes.
func TestRedisProtectedMode(t *testing.T) {
	p := &script{greeting: "-DENIED Redis is running in protected mode because ...\r\n" + thenClose}
	_, d, _, err := p.ask(t, Options{}, askRedis)
	require.NoError(t, err)
	require.Equal(t, "protected", d.(*Redis).Access)
}

func TestRedisCutOff(t *testing.T) {
	p := &script{answers: map[string]string{"PING": "-NOAUTH Auth" + thenClose}}
	_, d, _, err := p.ask(t, Options{}, askRedis)
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, &Redis{"-NOAUTH Auth", "auth"}, d)
}

func TestRedisMeetsHostileHosts(t *testing.T) {
	meetHostile(t, "-NOAUTH Authentication", askRedis, false)
}

func FuzzRedis(f *testing.F) {
	fuzzAsk(f, askRedis, `PING\r\n`, "+PONG\r\n", "-NOAUTH Authentication required.\r\n", "-DENIED \x1b\r\n", "-ERR wrong number of arguments for 'get' command\r\n", "+PONG", "-BUSY \n")
}
