// Package inspect looks into the folders of stores that nobody has open, and changes
// nothing there.
//
// [Check] reads every row and every block, and names what is corrupt; it does not
// trust the digest that the store has kept up, but adds it up again. [Diff] says which
// rows of two stores are others, field by field, in words.
//
// Both take every row by the family that it is of, as store.AllFamilies has them: a
// family that is added is checked and compared.
package inspect
