// Package sweep is the tour: the order of targets, discovery of open ports, pace, and the drive from scope through
// probe, netinfo and checks to a sink. Its memory does not grow with the range, and its state is one seed and one
// cursor.
package sweep
