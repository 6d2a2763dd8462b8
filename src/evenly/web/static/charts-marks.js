// Marks that both ways to draw strata have: those of the counts, and the rule at the cap.

import { number } from "./charts-words.js";

/** The marks of a logarithmic count that begins at 0. */
export const countMarks = (top) => {
  const marks = [0];
  for (let mark = 1; mark <= top; mark *= 10) marks.push(mark);
  return marks;
};

/** The name of the rule at the cap; it stays in the picture where the cap lies above all that is drawn. */
export const capRule = (cap, end) =>
  cap === null || cap === undefined ? [] : [{ y: Math.min(cap, end), text: `cap ${number(cap)}${cap > end ? " ↑" : ""}` }];
