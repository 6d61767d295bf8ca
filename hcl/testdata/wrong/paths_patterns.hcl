module "catalogue" {
  paths = [
    "/items/{id}",
    "items",
    "/items/{}",
    "/items/a b",
    "/items/{isbn}",
  ]
}
