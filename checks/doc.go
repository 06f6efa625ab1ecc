// Package checks holds what netschouw looks for: rule packs in YAML, their evaluation, the score and the verdict.
//
// It does no I/O but reading packs. A Host (what was seen) goes in, an Assessment (traits with evidence, a
// probability, a verdict and one sentence that says why) comes out. "Not looked at" is never evidence.
package checks
