// Package cel evaluates expressions of the Common Expression Language over
// items: type-checked when they are compiled, with bounded cost, and with
// DynamoDB's numbers.
//
// The language is that of cel.dev with its extensions for optionals, strings,
// math, lists, sets, encoders, two-variable comprehensions and bindings. What
// differs is arithmetic: a number of an item has no type of its own that says
// whether it is whole, so + - * / % and the comparisons take whole numbers and
// fractions alike and compute in decimal, to 38 digits.
//
// # Invariants
//
//  1. Evaluation is pure: the same variables give the same result, and the order
//     of what a map holds is that of its names.
//  2. A number has one form: Int if it is whole and fits 64 bits, Double if the
//     shortest text of a float64 is its exact value, else Decimal. So numbers
//     are equal if and only if their forms are.
//  3. No evaluation costs more than its limit, whatever the item; what may cost
//     more than maxEstimate by the sizes of items is refused by Compile. As a call
//     is counted once it has returned, no single call does more than read its
//     arguments once, or makes more than maxResult or maxElements.
//  4. An absent attribute is an error, unless it is asked for by ? as in
//     new.?email.
package cel
