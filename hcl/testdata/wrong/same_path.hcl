module "catalogue" {
  paths = ["/books", "/books/{id}"]
}

module "loans" {
  paths = ["/loans", "/books/{isbn}"]
}
