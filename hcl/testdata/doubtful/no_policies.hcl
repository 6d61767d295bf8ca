module "books" {
  policy = "inventory"
}
