// What the browser keeps from one visit to the next. A page within another's, a notebook's at another name of this
// machine, may be denied that: it then keeps nothing, and works all the same.

export function kept(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function keep(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // denied, or full
  }
}
