// Package raw builds and reads the packets of a stateless SYN scan, and moves them over packet sockets. It decides nothing:
// package dial, which alone may import it, asks the gate and the pace before it has a packet built. The codec, the cookie
// and the filter are pure and build everywhere; the sockets are Linux's.
package raw
