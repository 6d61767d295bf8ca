// Package policies answers what fallback.Query asks, in Rego, through OPA,
// which only this package imports.
//
// It decides which units of policy are asked in which order, what a unit may
// define, refer to and call, how long it may take, and what holds when it fails:
// the next unit, below all a default in Go. It never decides about a module
// itself, and never lets a policy look at a clock, the network or chance: the
// same query gets the same answer while a snapshot of the policies stands.
package policies
