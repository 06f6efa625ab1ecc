// Package probe asks one open port what it speaks, by a harmless handshake: never a credential, never an exploit,
// never data behind a login, never a request that changes state.
//
// Identify finds the protocol whatever the port number; each protocol lives in one file with its handshake, its
// details, its fake servers and its fuzz target, and is entered in the registry by one line. Parsers are pure (bytes
// in, struct out). Everything a peer sends is hostile: package dial bounds its bytes and time, each parser bounds
// what it keeps, and a parser that panics loses one service, not one host.
package probe
