// Package interop holds no code: its tests start the real daemons of Debian on loopback, each on a port number that says
// nothing, and check that package probe tells what they are. A test that cannot find its daemon says so by name; with
// CI=true it fails.
package interop
