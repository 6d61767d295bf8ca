// What TestEveryInterleaving builds, with a copy of entrance.go.
module steps

go 1.26
