// What @platformatic/kafka takes from Node 22, for Node 20. Imported before it.
Promise.withResolvers ??= function () {
  const made = {}
  made.promise = new this((resolve, reject) => Object.assign(made, { resolve, reject }))
  return made
}
