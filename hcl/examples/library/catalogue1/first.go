package main

// firstBooks are what a new catalogue begins with.
func firstBooks() []Book {
	return []Book{
		{Title: "The Name of the Rose", Author: "Umberto Eco", Year: 1980},
		{Title: "The Library of Babel", Author: "Jorge Luis Borges", Year: 1941},
		{Title: "The Twelve Chairs", Author: "Ilya Ilf; Yevgeny Petrov", Year: 1928},
		{Title: "The Left Hand of Darkness", Author: "Ursula K. Le Guin", Year: 1969},
		{Title: "The Dispossessed", Author: "Ursula K. Le Guin", Year: 1974},
		{Title: "If on a winter's night a traveler", Author: "Italo Calvino", Year: 1979},
		{Title: "Roadside Picnic", Author: "Arkady Strugatsky; Boris Strugatsky", Year: 1972},
		{Title: "Fahrenheit 451", Author: "Ray Bradbury", Year: 1953},
		{Title: "Matilda", Author: "Roald Dahl", Year: 1988},
		{Title: "The C Programming Language", Author: "Brian W. Kernighan; Dennis M. Ritchie", Year: 1978},
		{Title: "The Go Programming Language", Author: "Alan A. A. Donovan; Brian W. Kernighan", Year: 2015},
		{Title: "Don Quixote", Author: "Miguel de Cervantes", Year: 1605},
	}
}
