// Questions to the server. The token came with the address; without it nothing is answered.

const token = new URLSearchParams(location.search).get("token") || "";

export class Refused extends Error {
  // faults: [{keys: ["balance.cap"], text}]
  constructor(faults) {
    super(faults.map((one) => one.text).join(" "));
    this.faults = faults;
  }
}

export class Lost extends Error {}

export async function ask(question, about) {
  let response;
  try {
    response = await fetch(`/api/${question}`, {
      method: about === undefined ? "GET" : "POST",
      headers: { "X-Evenly-Token": token, "Content-Type": "application/json" },
      body: about === undefined ? undefined : JSON.stringify(about),
    });
  } catch {
    throw new Lost("not connected");
  }
  const answer = await response.json().catch(() => ({ text: `the server answered ${response.status}.` }));
  if (response.ok && !answer.faults) return answer;
  throw new Refused(answer.faults || [{ keys: [], text: answer.text || `the server answered ${response.status}.` }]);
}

export function address(path) {
  return `/api/${path}?token=${encodeURIComponent(token)}`;
}

const BEATS = 12_000; // milliseconds without a beat after which a connection counts as lost
const AGAIN = 1_500;

// Calls `news` with what the server says, and `connected` with true or false; connects again by itself.
export function listen({ news, connected }) {
  let source;
  let timer;
  const lose = () => {
    connected(false);
    source.close();
    clearTimeout(timer);
    timer = setTimeout(begin, AGAIN);
  };
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(lose, BEATS);
  };
  function begin() {
    source = new EventSource(address("events"));
    source.onopen = () => (alive(), connected(true));
    source.onmessage = (event) => (alive(), news(JSON.parse(event.data)));
    source.onerror = lose;
    alive();
  }
  begin();
}
