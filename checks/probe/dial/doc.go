// Package dial is the only way to the network. It owns every socket that can reach a probed host, and refuses each
// address that the scope does not own, or excludes, before anything is sent. It takes addresses, never names: a
// redirect or a DNS answer cannot lead out of the scope. Pace, per-host budget, connect timeout and the byte cap
// live inside it, so that no probe can bypass them. A test keeps every other package from opening sockets itself.
package dial
